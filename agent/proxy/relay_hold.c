/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/relay_hold.h"

#include "agent/proxy/conn_reply.h"
#include "agent/proxy/relay_hello.h"

/* --- letting on ---------------------------------------------------------------------------------- */

static void let_client_on(struct conn *conn, size_t n)
{
	struct slice bytes = queue_bytes(&conn->client.in);

	bytes.n = n;
	queue_put(&conn->upstream.out, bytes);
	queue_take(&conn->client.in, n);
	queue_rest(&conn->client.in);
	conn->upstream.moved_out += n;
	conn->proxy->counters.bytes_out += n;
}

static void let_server_on(struct conn *conn)
{
	struct slice bytes = queue_bytes(&conn->upstream.in);

	queue_put(&conn->client.out, bytes);
	conn->upstream.moved_in += bytes.n;
	conn->proxy->counters.bytes_in += bytes.n;
	queue_done(&conn->upstream.in);
}

void relay_let_on(struct conn *conn)
{
	let_client_on(conn, conn->client.in.n);
	let_server_on(conn);
	conn->hello = HELLO_DONE;
	conn_set_deadline(conn, conn->proxy->limits.relay_idle_ms);
}

static enum step refuse(struct conn *conn, const char *reason)
{
	conn_audit_refuse_tunnel(conn, reason);
	return STEP_CLOSE;
}

/* --- judging ------------------------------------------------------------------------------------- */

static enum stream_result read_more(struct end *from)
{
	struct err err;

	return stream_read(&from->stream, &from->in, PROXY_RELAY_BYTES, &err);
}

/* Not an end: whoever could not be read from once may still have a hello to send. */
static enum step broken(struct conn *conn)
{
	conn_audit_close(conn, "the connection was reset");
	return STEP_CLOSE;
}

/* Behind the hello nothing goes on before the server has answered: a second hello may be there already. */
static void send_hello(struct conn *conn, size_t n)
{
	if (n == 0) {
		relay_let_on(conn);
		return;
	}
	let_client_on(conn, n);
	conn->hello = HELLO_SENT;
	conn_set_deadline(conn, conn->proxy->limits.relay_idle_ms);
}

static enum step judge_first(struct conn *conn)
{
	enum stream_result in = STREAM_MOVED;

	while (in == STREAM_MOVED) {
		struct slice bytes = queue_bytes(&conn->client.in);
		struct err err = { 0 };
		size_t n = 0;
		enum parse got = bytes.n > 0 ? relay_hello_judge(bytes, &conn->tunnel, &n, &err)
					     : PARSE_MORE;

		if (got == PARSE_BAD)
			return refuse(conn, err.msg);
		if (got == PARSE_OK) {
			send_hello(conn, n);
			return STEP_AGAIN;
		}
		if (bytes.n > 0 && conn->hello == HELLO_AWAITED) {
			conn->hello = HELLO_BEGUN;
			conn_set_deadline(conn, conn->proxy->limits.sniff_ms);
		}
		in = read_more(&conn->client);
	}
	if (in == STREAM_WAIT)
		return STEP_WAIT;
	if (in == STREAM_ERROR)
		return broken(conn);
	if (conn->hello == HELLO_BEGUN)
		return refuse(conn, "the ClientHello in the tunnel is not whole");
	relay_let_on(conn);
	return STEP_AGAIN;
}

static enum step judge_answer(struct conn *conn)
{
	enum stream_result in = STREAM_MOVED;

	while (in == STREAM_MOVED) {
		struct err err = { 0 };
		bool again = false;
		enum parse got =
			relay_hello_read_answer(queue_bytes(&conn->upstream.in), &again, &err);

		if (got == PARSE_BAD)
			return refuse(conn, err.msg);
		if (got == PARSE_OK && again) {
			let_server_on(conn);
			conn->hello = HELLO_AGAIN;
			conn_set_deadline(conn, conn->proxy->limits.sniff_ms);
			return STEP_AGAIN;
		}
		if (got == PARSE_OK)
			break;
		in = read_more(&conn->upstream);
	}
	if (in == STREAM_WAIT)
		return STEP_WAIT;
	if (in == STREAM_ERROR)
		return broken(conn);
	/* Answered, or gone: no hello will be read any more. */
	relay_let_on(conn);
	return STEP_AGAIN;
}

static enum step judge_second(struct conn *conn)
{
	enum stream_result in = STREAM_MOVED;

	while (in == STREAM_MOVED) {
		struct err err = { 0 };
		enum parse got = relay_hello_judge_second(queue_bytes(&conn->client.in),
							  &conn->tunnel, &err);

		if (got == PARSE_BAD)
			return refuse(conn, err.msg);
		if (got == PARSE_OK) {
			relay_let_on(conn);
			return STEP_AGAIN;
		}
		in = read_more(&conn->client);
	}
	if (in == STREAM_WAIT)
		return STEP_WAIT;
	if (in == STREAM_ERROR)
		return broken(conn);
	if (conn->client.in.n > 0)
		return refuse(conn, "the second ClientHello in the tunnel is not whole");
	relay_let_on(conn);
	return STEP_AGAIN;
}

/* --- for the relay ------------------------------------------------------------------------------- */

enum step relay_hold(struct conn *conn)
{
	enum step step = STEP_AGAIN;

	while (step == STEP_AGAIN && conn->hello != HELLO_DONE)
		switch (conn->hello) {
		case HELLO_AWAITED:
		case HELLO_BEGUN:
			step = judge_first(conn);
			break;
		case HELLO_SENT:
			step = judge_answer(conn);
			break;
		case HELLO_AGAIN:
			step = judge_second(conn);
			break;
		case HELLO_DONE:
			break;
		}
	return step;
}

bool relay_holds(const struct conn *conn, const struct end *from)
{
	return from == &conn->client ? conn->hello != HELLO_DONE : conn->hello == HELLO_SENT;
}

bool relay_hold_has_deadline(const struct conn *conn)
{
	return conn->hello == HELLO_BEGUN || conn->hello == HELLO_AGAIN;
}

bool relay_hold_timed_out(struct conn *conn)
{
	if (!relay_hold_has_deadline(conn))
		return false;
	refuse(conn, conn->hello == HELLO_BEGUN
			     ? "the ClientHello in the tunnel did not come in time"
			     : "the second ClientHello in the tunnel did not come in time");
	return true;
}
