/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SIZE_MIN = 2048 };

/* Edge-triggered: one registration for the life of the stream. */
static const uint32_t WATCHED = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

int stream_open(struct stream *s, struct loop *loop, int fd, void (*ready)(void *, uint32_t),
		void *ctx, struct err *err)
{
	struct stream opened = {
		.watch = { .fd = fd, .ready = ready, .ctx = ctx },
		.open = true,
		.read_size = READ_SIZE_MIN,
	};

	*s = opened;
	if (loop_fd_add(loop, &s->watch, WATCHED, err) == 0)
		return 0;
	*s = (struct stream){ 0 };
	return -1;
}

int stream_move(struct stream *from, struct stream *to, struct loop *loop,
		void (*ready)(void *, uint32_t), void *ctx)
{
	struct err err;

	*to = *from;
	to->watch.ready = ready;
	to->watch.ctx = ctx;
	int result = loop_fd_move(loop, &from->watch, &to->watch, WATCHED, &err);
	*from = (struct stream){ 0 };
	if (result == -1)
		stream_close(to, loop);
	return result;
}

void stream_note(struct stream *s, uint32_t events)
{
	/* An end or an error is found by reading. */
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		s->readable = true;
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		s->writable = true;
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		s->ending = true;
	if (events & (EPOLLHUP | EPOLLERR))
		s->gone = true;
}

static enum stream_result broken(struct stream *s)
{
	s->gone = true;
	return STREAM_ERROR;
}

static enum stream_result ended(struct stream *s, bool cut)
{
	s->ended = true;
	s->cut = cut;
	return STREAM_END;
}

/* What a call on the session that moved nothing means for the socket under it. */
static enum stream_result tls_waits(struct stream *s, ssize_t result)
{
	if (result == TLS_WANT_READ)
		s->readable = false;
	else if (result == TLS_WANT_WRITE)
		s->writable = false;
	else
		return broken(s);
	return STREAM_WAIT;
}

static enum stream_result read_tls(struct stream *s, void *to, size_t room, size_t *out_n,
				   struct err *err)
{
	ssize_t n = tls_read(s->tls, to, room, err);

	if (n == TLS_EOF || n == TLS_TRUNCATED)
		return ended(s, n == TLS_TRUNCATED);
	if (n < 0)
		return tls_waits(s, n);
	*out_n = (size_t)n;
	/* As below: what comes is reported. */
	if (tls_is_drained(s->tls) && !s->ending)
		s->readable = false;
	return STREAM_MOVED;
}

static enum stream_result read_bare(struct stream *s, void *to, size_t room, size_t *out_n,
				    struct err *err)
{
	ssize_t n = recv(s->watch.fd, to, room, 0);

	if (n == 0)
		return ended(s, false);
	if (n > 0) {
		*out_n = (size_t)n;
		/* Not filled: there was no more (epoll(7), on EPOLLET), and what comes is reported. */
		if ((size_t)n < room && !s->ending)
			s->readable = false;
		return STREAM_MOVED;
	}
	if (errno == EAGAIN || errno == EWOULDBLOCK) {
		s->readable = false;
		return STREAM_WAIT;
	}
	err_sys(err, "read");
	return broken(s);
}

enum stream_result stream_read(struct stream *s, struct queue *q, size_t max, struct err *err)
{
	size_t room;
	size_t n = 0;

	if (s->ended)
		return STREAM_END;
	if (!s->readable)
		return STREAM_WAIT;
	uint8_t *to = queue_room(q, s->read_size, max, &room);
	if (room == 0)
		return STREAM_FULL;
	enum stream_result result =
		s->tls != NULL ? read_tls(s, to, room, &n, err) : read_bare(s, to, room, &n, err);
	queue_filled(q, n);
	if (n == room && s->read_size < max)
		s->read_size *= 2;
	return result;
}

enum stream_result stream_write(struct stream *s, struct queue *q, struct err *err)
{
	struct slice data = queue_bytes(q);

	if (data.n == 0)
		return STREAM_FULL;
	if (!s->writable)
		return STREAM_WAIT;
	ssize_t n = s->tls != NULL ? tls_write(s->tls, data, err)
				   : send(s->watch.fd, data.p, data.n, MSG_NOSIGNAL);
	if (n >= 0) {
		queue_take(q, (size_t)n);
		return STREAM_MOVED;
	}
	if (s->tls != NULL)
		return tls_waits(s, n);
	if (errno == EAGAIN || errno == EWOULDBLOCK) {
		s->writable = false;
		return STREAM_WAIT;
	}
	err_sys(err, "write");
	return broken(s);
}

enum stream_result stream_fill(struct stream *s, struct pipe *pipe, struct err *err)
{
	if (s->ended)
		return STREAM_END;
	if (!s->readable)
		return STREAM_WAIT;
	ssize_t n = splice(s->watch.fd, NULL, pipe->in, NULL, PIPE_BYTES,
			   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

	if (n == 0)
		return ended(s, false);
	if (n > 0) {
		pipe->n = (size_t)n;
		return STREAM_MOVED;
	}
	if (errno == EAGAIN || errno == EWOULDBLOCK) {
		s->readable = false;
		return STREAM_WAIT;
	}
	err_sys(err, "splice from a socket");
	return broken(s);
}

enum stream_result stream_drain(struct stream *s, struct pipe *pipe, struct err *err)
{
	if (pipe->n == 0)
		return STREAM_FULL;
	if (!s->writable)
		return STREAM_WAIT;
	ssize_t n = splice(pipe->out, NULL, s->watch.fd, NULL, pipe->n,
			   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

	if (n >= 0) {
		pipe->n -= (size_t)n;
		return STREAM_MOVED;
	}
	if (errno == EAGAIN || errno == EWOULDBLOCK) {
		s->writable = false;
		return STREAM_WAIT;
	}
	err_sys(err, "splice into a socket");
	return broken(s);
}

enum stream_result stream_handshake(struct stream *s, struct err *err)
{
	int result = tls_handshake(s->tls, err);

	return result == 0 ? STREAM_MOVED : tls_waits(s, result);
}

void stream_finish(struct stream *s)
{
	struct err ignored;

	if (!s->open || s->finished)
		return;
	s->finished = true;
	/* Best effort: where the buffer is full, the peer takes it for cut off. */
	if (s->tls != NULL)
		tls_shutdown(s->tls, &ignored);
	shutdown(s->watch.fd, SHUT_WR);
}

void stream_close(struct stream *s, struct loop *loop)
{
	if (!s->open)
		return;
	tls_session_free(s->tls);
	loop_fd_close(loop, &s->watch);
	*s = (struct stream){ 0 };
}
