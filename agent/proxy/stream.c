/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/stream.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SIZE_MIN = 2048 };

int stream_open(struct stream *s, struct loop *loop, int fd, void (*ready)(void *, uint32_t),
		void *ctx, struct err *err)
{
	struct stream opened = {
		.watch = { .fd = fd, .ready = ready, .ctx = ctx },
		.open = true,
		.read_size = READ_SIZE_MIN,
	};

	*s = opened;
	if (loop_fd_add(loop, &s->watch, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, err) == 0)
		return 0;
	*s = (struct stream) { 0 };
	return -1;
}

void stream_note(struct stream *s, uint32_t events)
{
	/* An end or an error is found by reading. */
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		s->readable = true;
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		s->writable = true;
	if (events & (EPOLLHUP | EPOLLERR))
		s->gone = true;
}

static enum stream_result failed(struct stream *s, bool *able, const char *what, struct err *err)
{
	if (errno == EAGAIN || errno == EWOULDBLOCK) {
		*able = false;
		return STREAM_WAIT;
	}
	s->gone = true;
	err_sys(err, "%s", what);
	return STREAM_ERROR;
}

enum stream_result stream_read(struct stream *s, struct queue *q, size_t max, struct err *err)
{
	size_t room;

	if (s->ended)
		return STREAM_END;
	if (!s->readable)
		return STREAM_WAIT;
	uint8_t *to = queue_room(q, s->read_size, max, &room);
	if (room == 0)
		return STREAM_FULL;
	ssize_t n = recv(s->watch.fd, to, room, 0);
	if (n == -1)
		return failed(s, &s->readable, "read", err);
	if (n == 0) {
		s->ended = true;
		return STREAM_END;
	}
	queue_filled(q, (size_t)n);
	if ((size_t)n == room && s->read_size < max)
		s->read_size *= 2;
	return STREAM_MOVED;
}

enum stream_result stream_write(struct stream *s, struct queue *q, struct err *err)
{
	struct slice data = queue_bytes(q);

	if (data.n == 0)
		return STREAM_FULL;
	if (!s->writable)
		return STREAM_WAIT;
	ssize_t n = send(s->watch.fd, data.p, data.n, MSG_NOSIGNAL);
	if (n == -1)
		return failed(s, &s->writable, "write", err);
	queue_take(q, (size_t)n);
	if ((size_t)n < data.n)
		s->writable = false;
	return STREAM_MOVED;
}

void stream_finish(struct stream *s)
{
	if (!s->open || s->finished)
		return;
	s->finished = true;
	shutdown(s->watch.fd, SHUT_WR);
}

void stream_close(struct stream *s, struct loop *loop)
{
	if (!s->open)
		return;
	loop_fd_remove(loop, &s->watch);
	close(s->watch.fd);
	*s = (struct stream) { 0 };
}
