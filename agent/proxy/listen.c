/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/listen.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/proxy/socket.h"

enum { PAUSE_FIRST_MS = 100, PAUSE_MAX_MS = 5000 };

static void set_events(struct listener *l, uint32_t events)
{
	struct err ignored;

	/* The descriptor is watched already, so nothing is allocated that could be lacking. */
	loop_fd_change(l->proxy->loop, &l->watch, events, &ignored);
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
		log_reason(l->proxy->log, LOG_LEVEL_ERROR, "proxy.accept_failed",
			   strerrordesc_np(errno));
	pause_accepting(l);
	loop_timer_set(l->proxy->loop, &l->pause, ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS);
}

static void take(struct listener *l, int fd)
{
	struct proxy *proxy = l->proxy;
	bool full = proxy->counters.open >= proxy->limits.conns;
	struct conn *conn;
	struct err err;

	l->failures = 0;
	if (conn_new(proxy, fd, &conn, &err) == -1) {
		log_reason(proxy->log, LOG_LEVEL_ERROR, "proxy.accept_failed", err.msg);
		return;
	}
	if (full)
		conn_turn_away(conn);
}

static bool is_over_the_top(const struct proxy *proxy)
{
	return proxy->counters.open >= proxy->limits.conns + LISTEN_TURNED_AWAY_MAX;
}

static void ready(void *ctx, uint32_t events)
{
	struct listener *l = ctx;

	(void)events;
	for (int i = 0; i < LISTEN_BATCH; i++) {
		if (is_over_the_top(l->proxy)) {
			pause_accepting(l);
			return;
		}
		int fd = accept4(l->watch.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			take(l, fd);
			continue;
		}
		/* Everything else is about one connection that is gone already (accept(2)). */
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			back_off(l);
		if (errno != EINTR && errno != ECONNABORTED)
			return;
	}
}

int listener_start(struct listener *l, struct proxy *proxy, int fd, struct err *err)
{
	*l = (struct listener){
		.proxy = proxy,
		.watch = { .fd = fd, .ready = ready, .ctx = l },
		.pause = { .fire = pause_over, .ctx = l },
	};
	socket_set_no_delay(fd);
	socket_set_keep_alive(fd);
	return loop_fd_add(proxy->loop, &l->watch, EPOLLIN, err);
}

void listener_stop(struct listener *l)
{
	if (!l->watch.added)
		return;
	loop_timer_cancel(l->proxy->loop, &l->pause);
	loop_fd_remove(l->proxy->loop, &l->watch);
	close(l->watch.fd);
}
