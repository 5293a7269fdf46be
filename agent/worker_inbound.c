/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/worker_inbound.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/proxy/listen.h"
#include "agent/proxy/queue.h"
#include "agent/proxy/socket.h"
#include "agent/proxy/stream.h"
#include "lib/mem.h"

enum {
	/* At a time. People at the other end of a port-forward are few; more wait in the backlog. */
	INBOUND_CONNS_MAX = 256,
	/* Of one direction. */
	INBOUND_QUEUE_MAX = 65536,
	/* Reads of each direction before others get their turn. */
	INBOUND_TURN = 16,
	/* Without a byte in either direction. */
	INBOUND_IDLE_MS = 2 * 3600 * 1000,
};

enum end { CLIENT = 0, WORKLOAD, ENDS };

struct port {
	struct worker_inbound *inbound;
	struct worker_inbound_listener to;
	struct listener listener;
};

struct worker_inbound {
	struct loop *loop;
	struct port *ports;
	size_t n_ports, n_conns;
};

struct conn {
	struct worker_inbound *inbound;
	struct stream ends[ENDS];
	struct queue from[ENDS]; /* read there, not yet written to the other */
	struct loop_timer idle;
	struct loop_task task;
};

/* While as many are open as may be, new ones wait in the backlog. */
static bool has_room(void *ctx)
{
	const struct port *port = ctx;

	return port->inbound->n_conns < INBOUND_CONNS_MAX;
}

static void conn_close(struct conn *conn)
{
	struct worker_inbound *inbound = conn->inbound;

	for (size_t i = 0; i < ENDS; i++) {
		stream_close(&conn->ends[i], inbound->loop);
		queue_done(&conn->from[i]);
	}
	loop_timer_cancel(inbound->loop, &conn->idle);
	loop_task_cancel(inbound->loop, &conn->task);
	free(conn);
	inbound->n_conns--;
	for (size_t i = 0; i < inbound->n_ports; i++)
		listener_resume(&inbound->ports[i].listener);
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
	enum stream_result result = STREAM_MOVED;

	for (int i = 0; result == STREAM_MOVED && i < INBOUND_TURN; i++)
		result = move_both(conn);
	if (result == STREAM_MOVED)
		loop_task_queue(conn->inbound->loop, &conn->task);
	if (result == STREAM_ERROR ||
	    (conn->ends[CLIENT].finished && conn->ends[WORKLOAD].finished))
		conn_close(conn);
	else
		loop_timer_set(conn->inbound->loop, &conn->idle, INBOUND_IDLE_MS);
}

static void go_on(void *ctx)
{
	pump(ctx);
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

static void take(void *ctx, int client)
{
	const struct port *port = ctx;
	struct worker_inbound *inbound = port->inbound;
	struct conn *conn = mem_calloc(1, sizeof(*conn));
	int workload = socket_connect(port->to.to, port->to.port);
	struct err err;

	conn->inbound = inbound;
	conn->idle = (struct loop_timer){ .fire = idle, .ctx = conn };
	conn->task = (struct loop_task){ .run = go_on, .ctx = conn };
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

int worker_inbound_start(struct loop *loop, const struct log *log,
			 const struct worker_inbound_listener *listeners, size_t n,
			 struct worker_inbound **out, struct err *err)
{
	struct worker_inbound *inbound = mem_calloc(1, sizeof(*inbound));

	inbound->loop = loop;
	inbound->n_ports = n;
	inbound->ports = mem_calloc(n, sizeof(*inbound->ports));
	for (size_t i = 0; i < n; i++) {
		struct port *port = &inbound->ports[i];
		const struct listener_config config = {
			.loop = loop,
			.log = log,
			.fd = listeners[i].fd,
			.take = take,
			.has_room = has_room,
			.ctx = port,
		};

		port->inbound = inbound;
		port->to = listeners[i];
		if (listener_start(&port->listener, &config, err) == -1) {
			free(inbound->ports);
			free(inbound);
			return -1;
		}
	}
	*out = inbound;
	return 0;
}
