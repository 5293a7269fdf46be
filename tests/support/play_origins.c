/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/play_origins.h"

#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "tests/support/origin_record.h"

static bool has_meaning(uint8_t c)
{
	return c == PLAY_PAUSE || c == PLAY_POLICY_OR_CLOSE || c == PLAY_RESET;
}

static void goes_on(struct play_peer *peer)
{
	while (peer->open && peer->script.n > 0) {
		uint8_t c = peer->script.p[0];
		size_t n = 0;

		while (n < peer->script.n && !has_meaning(peer->script.p[n]))
			n++;
		if (n > 0) {
			play_peer_write(peer, (struct slice){ peer->script.p, n });
			play_skip(&peer->script, n);
			continue;
		}
		play_skip(&peer->script, 1);
		if (c == PLAY_PAUSE)
			return;
		play_peer_close(peer, c == PLAY_RESET);
	}
}

static void origin_ready(void *ctx, uint32_t events)
{
	struct play_origin *origin = ctx;

	(void)events;
	if (!play_peer_read(&origin->peer))
		return;
	if (origin->all->refused)
		origin->all->wrong = "bytes arrived that the new policy refuses";
	goes_on(&origin->peer);
}

static void connected(void *ctx, uint32_t events)
{
	struct play_listening *listening = ctx;
	struct play_origins *all = listening->all;
	int fd = (int)syscall(SYS_accept4, listening->watch.fd, NULL, NULL,
			      SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)events;
	if (fd == -1)
		return;
	if (all->n == PLAY_ORIGINS_MAX) {
		syscall(SYS_close, fd);
		return;
	}
	struct play_origin *origin = &all->origins[all->n];
	origin->all = all;
	origin->is_bytes = listening->is_bytes;
	origin->peer.may_serve_tls = all->speak_tls && !listening->is_bytes;
	play_peer_open(&origin->peer, all->stage, fd, origin_ready, origin);
	origin->peer.script = all->parts[all->n++];
}

void play_origins_open(struct play_origins *all, const struct play_stage *stage)
{
	static const uint16_t ports[] = { PLAY_REST_PORT, PLAY_BYTES_PORT };
	struct err err;
	uint16_t ignored;

	all->stage = stage;
	for (size_t i = 0; i < ARRAY_LEN(ports); i++) {
		struct play_listening *listening = &all->listening[i];

		listening->all = all;
		listening->is_bytes = ports[i] == PLAY_BYTES_PORT;
		listening->watch = (struct loop_fd){
			.fd = play_listen(stage, ports[i], &ignored),
			.ready = connected,
			.ctx = listening,
		};
		play_must(loop_fd_add(stage->loop, &listening->watch, EPOLLIN, &err) == 0);
	}
}

static bool has(struct slice text, const char *part)
{
	return text.n > 0 && memmem(text.p, text.n, part, strlen(part)) != NULL;
}

/* In any case of its letters, as schemes are. */
static bool has_uri(struct slice text)
{
	static const char scheme[] = " http://";
	const size_t n = sizeof(scheme) - 1;

	for (size_t i = 0; i + n <= text.n; i++)
		if (strncasecmp((const char *)text.p + i, scheme, n) == 0)
			return true;
	return false;
}

/* A request that names the origin by its URI arrives as HTTP, which the proxy writes anew. */
static bool is_forwarded(struct slice record, struct slice sent)
{
	return has_uri(sent) && has(record, "\r\nHost: bytes.test:8081\r\n") &&
	       has(record, "\r\nVia: ");
}

static const char *judge_bytes(struct slice record, struct slice sent)
{
	if (record.n > 0 && memmem(sent.p, sent.n, record.p, record.n) == NULL &&
	    !is_forwarded(record, sent))
		return "bytes arrived that no client sent";
	return origin_record_check_hello(record, "bytes.test");
}

void play_origins_judge(const struct play_origins *all, struct slice sent, struct play_outcome *out)
{
	if (out->wrong == NULL)
		out->wrong = all->wrong;
	for (size_t i = 0; i < all->n; i++) {
		struct slice record = buf_slice(&all->origins[i].peer.seen);
		bool is_bytes = all->origins[i].is_bytes;
		size_t requests = 0;
		const char *wrong =
			is_bytes ? judge_bytes(record, sent)
				 : origin_record_check(record, "rest.test:8080", &requests);

		out->requests += requests;
		out->bytes += is_bytes ? record.n : 0;
		if (out->wrong == NULL)
			out->wrong = wrong;
	}
}

void play_origins_leave(struct play_origins *all)
{
	for (size_t i = 0; i < all->n; i++)
		play_peer_close(&all->origins[i].peer, true);
}

void play_origins_close(struct play_origins *all)
{
	play_origins_leave(all);
	for (size_t i = 0; i < all->n; i++)
		buf_done(&all->origins[i].peer.seen);
	for (size_t i = 0; i < ARRAY_LEN(all->listening); i++)
		loop_fd_close(all->stage->loop, &all->listening[i].watch);
}
