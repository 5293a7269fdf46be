/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/conn.h"

#include <string.h>
#include <unistd.h>

#include "agent/proxy/conn_reply.h"
#include "agent/proxy/conn_steps.h"
#include "agent/proxy/exchange.h"
#include "agent/proxy/socket.h"
#include "agent/proxy/transparent.h"
#include "agent/proxy/upstream.h"
#include "lib/cleanup.h"
#include "lib/mem.h"

static void client_ready(void *ctx, uint32_t events)
{
	struct conn *conn = ctx;

	stream_note(&conn->client.stream, events);
	conn_run(conn);
}

static void run_task(void *ctx)
{
	conn_run(ctx);
}

/* The deadline moves with every byte, the timer does not. */
static void timer_fired(void *ctx)
{
	struct conn *conn = ctx;
	int64_t left = conn->deadline_ms - loop_now_ms(conn->proxy->loop);

	if (left > 0) {
		loop_timer_set(conn->proxy->loop, &conn->timer, left);
		return;
	}
	if (conn_timed_out(conn) == STEP_CLOSE)
		conn_free(conn);
	else
		conn_run(conn);
}

/* --- identity ------------------------------------------------------------------------------------ */

/* One block: the struct, the ancestors' array, the texts. */
static struct program *copy_program(const struct program *from)
{
	size_t n = strlen(from->binary) + 1;

	for (size_t i = 0; i < from->n_ancestors; i++)
		n += strlen(from->ancestors[i]) + 1;
	size_t pointers = from->n_ancestors * sizeof(char *);
	struct program *to = mem_calloc(1, sizeof(*to) + pointers + n);
	const char **ancestors = (const char **)(to + 1);
	char *text = (char *)to + sizeof(*to) + pointers;
	*to = (struct program){ .pid = from->pid, .n_ancestors = from->n_ancestors };
	to->binary = text;
	text = stpcpy(text, from->binary) + 1;
	for (size_t i = 0; i < from->n_ancestors; i++) {
		ancestors[i] = text;
		text = stpcpy(text, from->ancestors[i]) + 1;
	}
	to->ancestors = ancestors;
	return to;
}

static void identified(struct identify_call *call, const struct program *program, const char *error)
{
	struct conn *conn = (struct conn *)((char *)call - offsetof(struct conn, identify));

	call->pending = false;
	if (program != NULL)
		conn->program = copy_program(program);
	else
		conn->identity_error = mem_strdup(error);
	loop_task_queue(conn->proxy->loop, &conn->task);
}

/* As early as can be: the less time a program has to become another one, the better. */
static void identify(struct conn *conn)
{
	const struct services *services = conn->proxy->services;

	if (services->identify == NULL)
		return;
	conn->identify.done = identified;
	conn->identify.pending = true;
	services->identify(services->ctx, &conn->identify);
}

/* --- life ---------------------------------------------------------------------------------------- */

static void link_in(struct conn *conn)
{
	struct proxy *proxy = conn->proxy;

	conn->next = proxy->first;
	if (conn->next != NULL)
		conn->next->previous = conn;
	proxy->first = conn;
	proxy->counters.open++;
}

static void link_out(struct conn *conn)
{
	struct proxy *proxy = conn->proxy;

	if (conn->previous != NULL)
		conn->previous->next = conn->next;
	else
		proxy->first = conn->next;
	if (conn->next != NULL)
		conn->next->previous = conn->previous;
	proxy->counters.open--;
}

/* The connection as the client's socket has it. */
static int read_flow(int fd, enum conn_entry entry, struct flow *out, struct err *err)
{
	if (!peer_address(fd, &out->workload, &out->workload_port))
		return err_set(err, ERR_SYS, "the connection is gone");
	if (entry == CONN_TRANSPARENT)
		return socket_original(fd, &out->remote, &out->remote_port, err);
	return own_address(fd, &out->remote, &out->remote_port)
		       ? 0
		       : err_set(err, ERR_SYS, "the connection is gone");
}

static int open_client(struct conn *conn, int fd, struct err *err)
{
	if (read_flow(fd, conn->entry, &conn->identify.flow, err) == -1)
		return -1;
	return stream_open(&conn->client.stream, conn->proxy->loop, fd, client_ready, conn, err);
}

int conn_new(struct proxy *proxy, int fd, enum conn_entry entry, struct conn **out, struct err *err)
{
	struct conn *conn = mem_calloc(1, sizeof(*conn));

	conn->proxy = proxy;
	conn->entry = entry;
	conn->task = (struct loop_task){ .run = run_task, .ctx = conn };
	conn->timer = (struct loop_timer){ .fire = timer_fired, .ctx = conn };
	if (open_client(conn, fd, err) == -1) {
		close(fd);
		free(conn);
		return -1;
	}
	link_in(conn);
	proxy->counters.accepted++;
	conn_set_deadline(conn, proxy->limits.keep_alive_ms);
	identify(conn);
	if (entry == CONN_TRANSPARENT)
		transparent_begin(conn);
	*out = conn;
	return 0;
}

static void end_close(struct end *end, struct proxy *proxy)
{
	stream_close(&end->stream, proxy->loop);
	pipes_give(&proxy->pipes, STEAL(end->pipe));
	end->flows = false;
	queue_done(&end->in);
	queue_done(&end->out);
}

void conn_close_upstream(struct conn *conn)
{
	end_close(&conn->upstream, conn->proxy);
}

void conn_free(struct conn *conn)
{
	struct proxy *proxy = conn->proxy;

	if (conn->identify.pending)
		proxy->services->identify_cancel(proxy->services->ctx, &conn->identify);
	upstream_cancel(conn);
	if (conn->state == CONN_READ_REQUEST)
		upstream_leave(conn);
	exchange_free(conn);
	end_close(&conn->client, proxy);
	end_close(&conn->upstream, proxy);
	loop_timer_cancel(proxy->loop, &conn->timer);
	loop_task_cancel(proxy->loop, &conn->task);
	link_out(conn);
	free(conn->program);
	free(conn->identity_error);
	free(conn);
	proxy->ended(proxy->owner);
}

void conn_run(struct conn *conn)
{
	enum step step;

	conn->turn_bytes = 0;
	do
		step = conn_step(conn);
	while (step == STEP_AGAIN);
	if (step == STEP_CLOSE)
		conn_free(conn);
}

enum step conn_goto(struct conn *conn, enum conn_state next)
{
	conn->state = next;
	return STEP_AGAIN;
}

enum step conn_yield(struct conn *conn)
{
	loop_task_queue(conn->proxy->loop, &conn->task);
	return STEP_WAIT;
}

void conn_set_deadline(struct conn *conn, int64_t after_ms)
{
	struct loop *loop = conn->proxy->loop;

	conn->deadline_ms = loop_now_ms(loop) + after_ms;
	if (!conn->timer.set || conn->timer.due_ms > conn->deadline_ms)
		loop_timer_set(loop, &conn->timer, after_ms);
}

struct gate conn_gate(const struct conn *conn)
{
	return (struct gate){ .policy = conn->proxy->policy, .program = conn->program };
}

enum step conn_turn_away(struct conn *conn)
{
	conn->proxy->counters.turned_away++;
	return conn_fail(conn, REFUSAL_FULL, "the proxy has as many connections as it may");
}
