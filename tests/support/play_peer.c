/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/play_peer.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/cleanup.h"

enum { READ_BYTES = 16384, HANDSHAKE = 22 /* the first byte of a client that speaks TLS */ };

void play_must(bool good)
{
	if (!good)
		abort();
}

void play_set_aside(const struct play_stage *stage, bool own)
{
	if (stage->aside != NULL)
		stage->aside(own);
}

static struct sockaddr_in socket_address(const struct play_stage *stage, uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(stage->address),
	};
}

int play_listen(const struct play_stage *stage, uint16_t port, uint16_t *out_port)
{
	struct sockaddr_in address = socket_address(stage, port);
	socklen_t n = sizeof(address);
	int fd = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1;

	play_must(fd != -1 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0);
	play_must(bind(fd, (struct sockaddr *)&address, n) == 0 && listen(fd, 64) == 0 &&
		  getsockname(fd, (struct sockaddr *)&address, &n) == 0);
	*out_port = ntohs(address.sin_port);
	return fd;
}

int play_connect(const struct play_stage *stage, uint16_t port)
{
	struct sockaddr_in address = socket_address(stage, port);
	int fd = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	/* Interrupted, by a fuzzer's clock, it goes on by itself. */
	play_must(fd != -1 &&
		  (syscall(SYS_connect, fd, &address, sizeof(address)) == 0 || errno == EINTR));
	return fd;
}

void play_peer_open(struct play_peer *peer, const struct play_stage *stage, int fd,
		    void (*ready)(void *ctx, uint32_t events), void *ctx)
{
	struct err err;
	int on = 1;

	peer->stage = stage;
	peer->watch = (struct loop_fd){ .fd = fd, .ready = ready, .ctx = ctx };
	peer->seen = buf_init((size_t)1 << 20);
	peer->open = true;
	play_set_aside(stage, true);
	/* A play does not wait for what the kernel holds back. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	play_must(loop_fd_add(stage->loop, &peer->watch, EPOLLIN, &err) == 0);
	play_set_aside(stage, false);
}

static void put_on_wire(struct play_peer *peer, struct slice bytes)
{
	(void)!syscall(SYS_sendto, peer->watch.fd, bytes.p, bytes.n, MSG_DONTWAIT | MSG_NOSIGNAL,
		       NULL, 0);
	if (peer->sent == NULL)
		return;
	play_set_aside(peer->stage, true);
	buf_put(peer->sent, bytes.p, bytes.n);
	play_set_aside(peer->stage, false);
}

static void flush_tls(struct play_peer *peer)
{
	struct slice bytes = play_tls_wire(peer->tls);

	if (bytes.n > 0)
		put_on_wire(peer, bytes);
}

void play_peer_open_tls(struct play_peer *peer)
{
	if (!peer->open || peer->tls != NULL)
		return;
	play_set_aside(peer->stage, true);
	peer->tls = play_tls_new(false);
	play_set_aside(peer->stage, false);
	flush_tls(peer);
}

static void take(struct play_peer *peer, struct slice bytes)
{
	play_set_aside(peer->stage, true);
	if (peer->may_serve_tls && peer->tls == NULL && peer->seen.n == 0 &&
	    bytes.p[0] == HANDSHAKE)
		peer->tls = play_tls_new(true);
	if (peer->tls != NULL)
		play_tls_hear(peer->tls, bytes, &peer->seen);
	else
		buf_put(&peer->seen, bytes.p, bytes.n);
	play_set_aside(peer->stage, false);
	if (peer->tls != NULL)
		flush_tls(peer);
}

bool play_peer_read(struct play_peer *peer)
{
	uint8_t bytes[READ_BYTES];
	size_t before = peer->seen.n;
	ssize_t n = syscall(SYS_recvfrom, peer->watch.fd, bytes, sizeof(bytes), MSG_DONTWAIT, NULL,
			    NULL);

	if (n > 0)
		take(peer, (struct slice){ bytes, (size_t)n });
	else if (n == 0 || errno != EAGAIN)
		play_peer_close(peer, true);
	return peer->seen.n > before;
}

void play_peer_write(struct play_peer *peer, struct slice bytes)
{
	if (peer->tls == NULL) {
		put_on_wire(peer, bytes);
		return;
	}
	play_set_aside(peer->stage, true);
	play_tls_say(peer->tls, bytes);
	play_set_aside(peer->stage, false);
	flush_tls(peer);
}

void play_peer_close(struct play_peer *peer, bool reset)
{
	struct linger now = { .l_onoff = 1 };

	if (!peer->open)
		return;
	/* Resets leave nothing behind in the kernel, so that thousands of plays can follow each other. */
	if (reset)
		setsockopt(peer->watch.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	loop_fd_remove(peer->stage->loop, &peer->watch);
	syscall(SYS_close, peer->watch.fd);
	play_tls_free(STEAL(peer->tls));
	peer->open = false;
}
