/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/listen.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "agent/proxy/socket.h"

enum { PAUSE_FIRST_MS = 100, PAUSE_MAX_MS = 5000 };

static void set_events(struct listener *l, uint32_t events)
{
	struct err ignored;

	/* The descriptor is watched already, so nothing is allocated that could be lacking. */
	loop_fd_change(l->config.loop, &l->watch, events, &ignored);
}

static void pause_accepting(struct listener *l)
{
	l->paused = true;
	set_events(l, 0);
}

void listener_resume(struct listener *l)
{
	if (!l->paused || l->pause.set)
		return;
	l->paused = false;
	set_events(l, EPOLLIN);
}

static void pause_over(void *ctx)
{
	listener_resume(ctx);
}

/* Out of descriptors or memory: others must end first, and asking again at once would only spin. */
static void back_off(struct listener *l)
{
	unsigned shift = l->failures < 6 ? l->failures : 6;
	int64_t ms = (int64_t)PAUSE_FIRST_MS << shift;

	if (l->failures++ == 0)
		log_reason(l->config.log, LOG_LEVEL_ERROR, "proxy.accept_failed",
			   strerrordesc_np(errno));
	pause_accepting(l);
	loop_timer_set(l->config.loop, &l->pause, ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS);
}

static void ready(void *ctx, uint32_t events)
{
	struct listener *l = ctx;

	(void)events;
	for (int i = 0; i < LISTEN_BATCH; i++) {
		if (l->config.has_room != NULL && !l->config.has_room(l->config.ctx)) {
			pause_accepting(l);
			return;
		}
		int fd = accept4(l->watch.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			l->failures = 0;
			l->config.take(l->config.ctx, fd);
			continue;
		}
		/* Everything else is about one connection that is gone already (accept(2)). */
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			back_off(l);
		if (errno != EINTR && errno != ECONNABORTED)
			return;
	}
}

int listener_start(struct listener *l, const struct listener_config *config, struct err *err)
{
	*l = (struct listener){
		.config = *config,
		.watch = { .fd = config->fd, .ready = ready, .ctx = l },
		.pause = { .fire = pause_over, .ctx = l },
	};
	socket_set_no_delay(config->fd);
	socket_set_keep_alive(config->fd);
	return loop_fd_add(config->loop, &l->watch, EPOLLIN, err);
}

void listener_stop(struct listener *l)
{
	if (!l->watch.added)
		return;
	loop_timer_cancel(l->config.loop, &l->pause);
	loop_fd_remove(l->config.loop, &l->watch);
}
