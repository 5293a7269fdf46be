/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/relay.h"

#include "agent/proxy/conn_reply.h"
#include "agent/proxy/relay_hello.h"
#include "agent/proxy/socket.h"
#include "lib/cleanup.h"

enum {
	/* From this much at once a pipe is cheaper than a copy. */
	RELAY_SPLICE_BYTES = 16384,
};

enum moved_as { MOVED_WAIT = 0, MOVED_ALL, MOVED_TURN, MOVED_BROKEN };

/* Only a name can be confused with another, and only where it was all that was decided on. */
static bool is_judged(const struct conn *conn)
{
	struct address ignored;

	return conn->has_tunnel && !conn->in_tunnel && !site_is_address(&conn->tunnel, &ignored);
}

/* What waits to be written goes on, and all that comes after it. */
static void let_on(struct conn *conn)
{
	conn->hello = HELLO_DONE;
	conn->proxy->counters.bytes_out += conn->upstream.out.n;
}

enum step relay_begin(struct conn *conn)
{
	/* What the client sent right behind its request. */
	queue_done(&conn->upstream.out);
	conn->upstream.out = conn->client.in;
	conn->client.in = (struct queue){ 0 };
	/* And the destination behind its answer, or that of a proxy before it. */
	conn->upstream.moved_in = conn->upstream.in.n;
	queue_put(&conn->client.out, queue_bytes(&conn->upstream.in));
	queue_done(&conn->upstream.in);
	conn->upstream.moved_out = conn->upstream.out.n;
	/* A tunnel may be silent for hours; an exchange has its own limits. */
	socket_set_keep_alive(conn->upstream.stream.watch.fd);
	conn_set_deadline(conn, conn->proxy->limits.relay_idle_ms);
	if (!is_judged(conn))
		let_on(conn);
	return conn_goto(conn, CONN_RELAY);
}

/* --- pipes --------------------------------------------------------------------------------------- */

static bool may_splice(const struct end *from, const struct end *to)
{
	return from->stream.tls == NULL && to->stream.tls == NULL;
}

/* A direction in full flow goes through a pipe once what was copied has left. */
static void choose_way(struct conn *conn, struct end *to)
{
	if (to->flows && to->pipe == NULL && to->out.n == 0)
		to->pipe = pipes_take(&conn->proxy->pipes);
}

static void rest(struct conn *conn, struct end *to)
{
	queue_rest(&to->out);
	if (to->pipe != NULL && to->pipe->n == 0)
		pipes_give(&conn->proxy->pipes, STEAL(to->pipe));
}

/* --- moving -------------------------------------------------------------------------------------- */

static size_t waiting(const struct end *to)
{
	return to->pipe != NULL ? to->pipe->n : to->out.n;
}

static enum stream_result take_in(struct end *from, struct end *to, size_t *out_n)
{
	size_t before = waiting(to);
	enum stream_result result = STREAM_FULL;
	struct err err;

	if (to->pipe == NULL)
		result = stream_read(&from->stream, &to->out, PROXY_RELAY_BYTES, &err);
	else if (before == 0)
		result = stream_fill(&from->stream, to->pipe, &err);
	*out_n = waiting(to) - before;
	if (*out_n > 0)
		to->flows = *out_n >= RELAY_SPLICE_BYTES && may_splice(from, to);
	return result;
}

static enum stream_result put_out(struct end *to)
{
	struct err err;

	return to->pipe != NULL ? stream_drain(&to->stream, to->pipe, &err)
				: stream_write(&to->stream, &to->out, &err);
}

/* Until one side has no more to give or the other takes no more. */
static enum moved_as move(struct conn *conn, struct end *from, struct end *to, uint64_t *moved)
{
	struct proxy_counters *counters = &conn->proxy->counters;
	uint64_t *total = from == &conn->client ? &counters->bytes_out : &counters->bytes_in;

	for (;;) {
		size_t n;

		choose_way(conn, to);
		enum stream_result in = take_in(from, to, &n);

		*moved += n;
		*total += n;
		conn->turn_bytes += n;
		enum stream_result out = put_out(to);
		if (in == STREAM_ERROR || out == STREAM_ERROR)
			return MOVED_BROKEN;
		if (in == STREAM_END && waiting(to) == 0)
			return MOVED_ALL;
		if (in != STREAM_MOVED && out != STREAM_MOVED)
			break;
		if (conn->turn_bytes > PROXY_TURN_BYTES)
			return MOVED_TURN;
	}
	rest(conn, to);
	return MOVED_WAIT;
}

/* --- the ClientHello ----------------------------------------------------------------------------- */

/* More of the ClientHello: STREAM_MOVED where there is some. */
static enum stream_result read_hello(struct conn *conn)
{
	struct queue *q = &conn->upstream.out;
	size_t before = q->n;
	struct err err;
	enum stream_result in = stream_read(&conn->client.stream, q, PROXY_RELAY_BYTES, &err);

	conn->upstream.moved_out += q->n - before;
	return in;
}

static enum step refuse_hello(struct conn *conn, const char *reason)
{
	/* It was read, but nothing of it has left. */
	conn->upstream.moved_out = 0;
	conn_audit_refuse_tunnel(conn, reason);
	return STEP_CLOSE;
}

/* STEP_AGAIN once the client's first bytes may go on, or there will be none; until then they wait here while
 * the server may already speak. */
static enum step judge_hello(struct conn *conn)
{
	enum stream_result in = STREAM_MOVED;

	while (in == STREAM_MOVED) {
		struct slice bytes = queue_bytes(&conn->upstream.out);
		struct err err = { 0 };
		enum parse got =
			bytes.n > 0 ? relay_hello_judge(bytes, &conn->tunnel, &err) : PARSE_MORE;

		if (got == PARSE_BAD)
			return refuse_hello(conn, err.msg);
		if (got == PARSE_OK) {
			let_on(conn);
			conn_set_deadline(conn, conn->proxy->limits.relay_idle_ms);
			return STEP_AGAIN;
		}
		if (bytes.n > 0 && conn->hello == HELLO_AWAITED) {
			conn->hello = HELLO_BEGUN;
			conn_set_deadline(conn, conn->proxy->limits.sniff_ms);
		}
		in = read_hello(conn);
	}
	if (in == STREAM_WAIT)
		return STEP_WAIT;
	if (conn->hello == HELLO_BEGUN)
		return refuse_hello(conn, "the ClientHello in the tunnel is not whole");
	conn->hello = HELLO_DONE;
	return STEP_AGAIN;
}

enum step relay_timed_out(struct conn *conn)
{
	if (conn->hello == HELLO_BEGUN)
		return refuse_hello(conn, "the ClientHello in the tunnel did not come in time");
	conn_audit_close(conn, "no bytes moved for too long");
	return STEP_CLOSE;
}

enum step step_relay(struct conn *conn)
{
	struct end *client = &conn->client;
	struct end *upstream = &conn->upstream;
	enum moved_as up = MOVED_WAIT;

	if (conn->hello != HELLO_DONE && judge_hello(conn) == STEP_CLOSE)
		return STEP_CLOSE;
	if (conn->hello == HELLO_DONE)
		up = move(conn, client, upstream, &upstream->moved_out);
	enum moved_as down = move(conn, upstream, client, &upstream->moved_in);

	if (up == MOVED_BROKEN || down == MOVED_BROKEN) {
		conn_audit_close(conn, "the connection was reset");
		return STEP_CLOSE;
	}
	if (up == MOVED_ALL && down == MOVED_ALL) {
		conn_audit_close(conn, NULL);
		return STEP_CLOSE;
	}
	if (up == MOVED_ALL)
		stream_finish(&upstream->stream);
	if (down == MOVED_ALL)
		stream_finish(&client->stream);
	if (conn->turn_bytes > 0 && conn->hello != HELLO_BEGUN)
		conn_set_deadline(conn, up == MOVED_ALL || down == MOVED_ALL
						? conn->proxy->limits.half_closed_ms
						: conn->proxy->limits.relay_idle_ms);
	if (up == MOVED_TURN || down == MOVED_TURN)
		return conn_yield(conn);
	return STEP_WAIT;
}
