/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/worker_inbound.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/proxy/queue.h"
#include "agent/proxy/socket.h"
#include "agent/proxy/stream.h"
#include "lib/mem.h"

enum {
	/* At a time. People at the other end of a port-forward are few; more wait in the backlog. */
	INBOUND_CONNS_MAX = 256,
	/* Of one direction. */
	INBOUND_QUEUE_MAX = 65536,
	/* Without a byte in either direction. */
	INBOUND_IDLE_MS = 2 * 3600 * 1000,
};

enum end { CLIENT = 0, WORKLOAD, ENDS };

struct listener {
	struct worker_inbound *inbound;
	struct worker_inbound_listener listener;
	struct loop_fd watch;
};

struct worker_inbound {
	struct loop *loop;
	struct listener *listeners;
	size_t n_listeners, n_conns;
	bool full; /* and so not listening */
};

struct conn {
	struct worker_inbound *inbound;
	struct stream ends[ENDS];
	struct queue from[ENDS]; /* read there, not yet written to the other */
	struct loop_timer idle;
};

/* While as many are open as may be, new ones wait in the backlog. */
static void listen_if_room(struct worker_inbound *inbound)
{
	bool full = inbound->n_conns >= INBOUND_CONNS_MAX;
	struct err ignored;

	for (size_t i = 0; full != inbound->full && i < inbound->n_listeners; i++) {
		if (full)
			loop_fd_remove(inbound->loop, &inbound->listeners[i].watch);
		else
			loop_fd_add(inbound->loop, &inbound->listeners[i].watch, EPOLLIN, &ignored);
	}
	inbound->full = full;
}

static void conn_close(struct conn *conn)
{
	struct worker_inbound *inbound = conn->inbound;

	for (size_t i = 0; i < ENDS; i++) {
		stream_close(&conn->ends[i], inbound->loop);
		queue_done(&conn->from[i]);
	}
	loop_timer_cancel(inbound->loop, &conn->idle);
	free(conn);
	inbound->n_conns--;
	listen_if_room(inbound);
}

/* One read and one write from `end` to the other: STREAM_MOVED where either moved something. */
static enum stream_result move(struct conn *conn, enum end end)
{
	struct stream *in = &conn->ends[end], *out = &conn->ends[1 - end];
	struct queue *q = &conn->from[end];
	struct err err;
	enum stream_result got =
		in->ended ? STREAM_END : stream_read(in, q, INBOUND_QUEUE_MAX, &err);
	enum stream_result put = stream_write(out, q, &err);

	if (got == STREAM_ERROR || put == STREAM_ERROR)
		return STREAM_ERROR;
	/* Not before it is connected. */
	if (in->ended && q->n == 0 && out->writable && !out->finished)
		stream_finish(out);
	queue_rest(q);
	return got == STREAM_MOVED || put == STREAM_MOVED ? STREAM_MOVED : STREAM_WAIT;
}

/* Both ways once: STREAM_MOVED where either moved something. */
static enum stream_result move_both(struct conn *conn)
{
	enum stream_result in = move(conn, CLIENT);
	enum stream_result out = in != STREAM_ERROR ? move(conn, WORKLOAD) : STREAM_ERROR;

	if (out == STREAM_ERROR)
		return STREAM_ERROR;
	return in == STREAM_MOVED ? in : out;
}

static void pump(struct conn *conn)
{
	enum stream_result result;

	do
		result = move_both(conn);
	while (result == STREAM_MOVED);
	if (result == STREAM_ERROR ||
	    (conn->ends[CLIENT].finished && conn->ends[WORKLOAD].finished))
		conn_close(conn);
	else
		loop_timer_set(conn->inbound->loop, &conn->idle, INBOUND_IDLE_MS);
}

static void client_ready(void *ctx, uint32_t events)
{
	struct conn *conn = ctx;

	stream_note(&conn->ends[CLIENT], events);
	pump(conn);
}

static void workload_ready(void *ctx, uint32_t events)
{
	struct conn *conn = ctx;

	stream_note(&conn->ends[WORKLOAD], events);
	pump(conn);
}

static void idle(void *ctx)
{
	conn_close(ctx);
}

static void conn_open(struct listener *listener, int client)
{
	struct worker_inbound *inbound = listener->inbound;
	struct conn *conn = mem_calloc(1, sizeof(*conn));
	int workload = socket_connect(listener->listener.to, listener->listener.port);
	struct err err;

	conn->inbound = inbound;
	conn->idle = (struct loop_timer){ .fire = idle, .ctx = conn };
	inbound->n_conns++;
	if (stream_open(&conn->ends[CLIENT], inbound->loop, client, client_ready, conn, &err) ==
	    -1) {
		close(client);
		if (workload != -1)
			close(workload);
		conn_close(conn);
		return;
	}
	if (workload == -1 || stream_open(&conn->ends[WORKLOAD], inbound->loop, workload,
					  workload_ready, conn, &err) == -1) {
		if (workload != -1)
			close(workload);
		conn_close(conn);
		return;
	}
	loop_timer_set(inbound->loop, &conn->idle, INBOUND_IDLE_MS);
}

static void accept_ready(void *ctx, uint32_t events)
{
	struct listener *listener = ctx;

	(void)events;
	int fd = accept4(listener->watch.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd == -1)
		return;
	conn_open(listener, fd);
	listen_if_room(listener->inbound);
}

int worker_inbound_start(struct loop *loop, const struct worker_inbound_listener *listeners,
			 size_t n, struct worker_inbound **out, struct err *err)
{
	struct worker_inbound *inbound = mem_calloc(1, sizeof(*inbound));

	inbound->loop = loop;
	inbound->n_listeners = n;
	inbound->listeners = mem_calloc(n, sizeof(*inbound->listeners));
	for (size_t i = 0; i < n; i++) {
		struct listener *listener = &inbound->listeners[i];

		listener->inbound = inbound;
		listener->listener = listeners[i];
		listener->watch = (struct loop_fd){
			.fd = listeners[i].fd,
			.ready = accept_ready,
			.ctx = listener,
		};
		if (loop_fd_add(loop, &listener->watch, EPOLLIN, err) == -1) {
			free(inbound->listeners);
			free(inbound);
			return -1;
		}
	}
	*out = inbound;
	return 0;
}
