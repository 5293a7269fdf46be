/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/relay.h"

#include "agent/proxy/conn_reply.h"
#include "agent/proxy/relay_hold.h"
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

enum step relay_begin(struct conn *conn)
{
	queue_done(&conn->upstream.out);
	/* What the destination sent right behind its answer, or that of a proxy before it. */
	conn->upstream.moved_in = conn->upstream.in.n;
	queue_put(&conn->client.out, queue_bytes(&conn->upstream.in));
	queue_done(&conn->upstream.in);
	conn->upstream.moved_out = 0;
	/* A tunnel may be silent for hours; an exchange has its own limits. */
	socket_set_keep_alive(conn->upstream.stream.watch.fd);
	conn_set_deadline(conn, conn->proxy->limits.relay_idle_ms);
	conn->proxy->settled(conn->proxy->owner);
	/* And the client behind its request. */
	if (!is_judged(conn))
		relay_let_on(conn);
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
		size_t n = 0;

		choose_way(conn, to);
		enum stream_result in =
			relay_holds(conn, from) ? STREAM_WAIT : take_in(from, to, &n);

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

/* --- the step ------------------------------------------------------------------------------------ */

enum step relay_timed_out(struct conn *conn)
{
	if (relay_hold_timed_out(conn))
		return STEP_CLOSE;
	conn_audit_close(conn, "no bytes moved for too long");
	return STEP_CLOSE;
}

enum step step_relay(struct conn *conn)
{
	struct end *client = &conn->client;
	struct end *upstream = &conn->upstream;

	if (relay_hold(conn) == STEP_CLOSE)
		return STEP_CLOSE;
	enum moved_as up = move(conn, client, upstream, &upstream->moved_out);
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
	if (conn->turn_bytes > 0 && !relay_hold_has_deadline(conn))
		conn_set_deadline(conn, up == MOVED_ALL || down == MOVED_ALL
						? conn->proxy->limits.half_closed_ms
						: conn->proxy->limits.relay_idle_ms);
	if (up == MOVED_TURN || down == MOVED_TURN)
		return conn_yield(conn);
	return STEP_WAIT;
}
