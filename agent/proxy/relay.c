/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/relay.h"

#include "agent/proxy/conn_reply.h"
#include "agent/proxy/relay_hello.h"
#include "agent/proxy/socket.h"

enum copied { COPY_WAIT = 0, COPY_DONE, COPY_TURN, COPY_BROKEN };

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
	conn->upstream.moved_in = 0;
	conn->upstream.moved_out = conn->upstream.out.n;
	/* A tunnel may be silent for hours; an exchange has its own limits. */
	socket_set_keep_alive(conn->upstream.stream.watch.fd);
	conn_set_deadline(conn, conn->proxy->limits.relay_idle_ms);
	if (!is_judged(conn))
		let_on(conn);
	return conn_goto(conn, CONN_RELAY);
}

/* Copies until one side has no more to give or the other takes no more. */
static enum copied copy(struct conn *conn, struct end *from, struct end *to, uint64_t *moved)
{
	struct proxy_counters *counters = &conn->proxy->counters;
	uint64_t *total = from == &conn->client ? &counters->bytes_out : &counters->bytes_in;
	struct queue *q = &to->out;
	struct err err;

	for (;;) {
		size_t before = q->n;
		enum stream_result in = stream_read(&from->stream, q, PROXY_RELAY_BYTES, &err);

		*moved += q->n - before;
		*total += q->n - before;
		conn->turn_bytes += q->n - before;
		enum stream_result out = stream_write(&to->stream, q, &err);
		if (in == STREAM_ERROR || out == STREAM_ERROR)
			return COPY_BROKEN;
		if (in == STREAM_END && q->n == 0)
			return COPY_DONE;
		if (in != STREAM_MOVED && out != STREAM_MOVED)
			break;
		if (conn->turn_bytes > PROXY_TURN_BYTES)
			return COPY_TURN;
	}
	queue_rest(q);
	return COPY_WAIT;
}

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
	enum copied up = COPY_WAIT;

	if (conn->hello != HELLO_DONE && judge_hello(conn) == STEP_CLOSE)
		return STEP_CLOSE;
	if (conn->hello == HELLO_DONE)
		up = copy(conn, client, upstream, &upstream->moved_out);
	enum copied down = copy(conn, upstream, client, &upstream->moved_in);

	if (up == COPY_BROKEN || down == COPY_BROKEN) {
		conn_audit_close(conn, "the connection was reset");
		return STEP_CLOSE;
	}
	if (up == COPY_DONE && down == COPY_DONE) {
		conn_audit_close(conn, NULL);
		return STEP_CLOSE;
	}
	if (up == COPY_DONE)
		stream_finish(&upstream->stream);
	if (down == COPY_DONE)
		stream_finish(&client->stream);
	if (conn->turn_bytes > 0 && conn->hello != HELLO_BEGUN)
		conn_set_deadline(conn, up == COPY_DONE || down == COPY_DONE
						? conn->proxy->limits.half_closed_ms
						: conn->proxy->limits.relay_idle_ms);
	if (up == COPY_TURN || down == COPY_TURN)
		return conn_yield(conn);
	return STEP_WAIT;
}
