/* SPDX-License-Identifier: Apache-2.0 */
/* stream: one end of a connection: a non-blocking socket, bare or with a TLS session on top. It is watched
 * edge-triggered, so it remembers for itself what it may still do; nobody else reads or writes the
 * descriptor. */
#ifndef AGENT_PROXY_STREAM_H
#define AGENT_PROXY_STREAM_H

#include <stdbool.h>

#include "agent/proxy/pipes.h"
#include "agent/proxy/queue.h"
#include "lib/err.h"
#include "lib/loop.h"
#include "lib/tls.h"
#include "policy/cidr.h"

/* A zeroed one is not open. */
struct stream {
	struct loop_fd watch;
	struct tls_session *tls; /* owned; NULL for bare bytes */
	bool open;
	bool readable, writable; /* as far as is known */
	bool ended; /* the peer sends no more */
	bool cut; /* and TLS does not vouch that this was its end */
	bool finished; /* we said so */
	bool ending; /* the end, or an error, is on its way behind what can be read */
	bool gone; /* reset or broken: nothing will move any more */
	/* What it reaches is not the socket's peer, as another proxy is between: `to`, or what only that one
	 * knows, where `by_name`. */
	bool through, by_name;
	struct address to;
	size_t read_size; /* grows while reads are filled, so that an idle stream costs little */
};

enum stream_result {
	STREAM_WAIT = 0, /* nothing can move before the next event */
	STREAM_MOVED,
	STREAM_FULL, /* read: `max` is reached; write: there is nothing to write */
	STREAM_END, /* read: the peer has said that it is done */
	STREAM_ERROR,
};

/* Takes over `fd`, which is non-blocking, and watches it. On failure the caller still owns it. */
int stream_open(struct stream *s, struct loop *loop, int fd, void (*ready)(void *, uint32_t),
		void *ctx, struct err *err);

/* Hands an open stream to another owner; `to` is not open, and `from` is not afterwards. -1, and closed,
 * where it cannot be watched. */
int stream_move(struct stream *from, struct stream *to, struct loop *loop,
		void (*ready)(void *, uint32_t), void *ctx);

/* Call first when the watch reports. */
void stream_note(struct stream *s, uint32_t events);

/* Reads once into `q`, which then holds at most `max` bytes. */
enum stream_result stream_read(struct stream *s, struct queue *q, size_t max, struct err *err);

/* Writes once from `q`. */
enum stream_result stream_write(struct stream *s, struct queue *q, struct err *err);

/* The same from a bare socket into an empty pipe, and from a pipe into a bare socket. */
enum stream_result stream_fill(struct stream *s, struct pipe *pipe, struct err *err);
enum stream_result stream_drain(struct stream *s, struct pipe *pipe, struct err *err);

/* Goes on with the handshake of `s->tls`: STREAM_MOVED once it is done. */
enum stream_result stream_handshake(struct stream *s, struct err *err);

/* Says that nothing more will be written. */
void stream_finish(struct stream *s);

/* Without waiting for what is on its way. Accepts one that is not open. */
void stream_close(struct stream *s, struct loop *loop);

#endif
