/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/relay.h"

#include "agent/proxy/conn_reply.h"
#include "agent/proxy/socket.h"

enum copied { COPY_WAIT = 0, COPY_DONE, COPY_TURN, COPY_BROKEN };

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
	return conn_goto(conn, CONN_RELAY);
}

/* Copies until one side has no more to give or the other takes no more. */
static enum copied copy(struct conn *conn, struct end *from, struct end *to, uint64_t *moved)
{
	struct queue *q = &to->out;
	struct err err;

	for (;;) {
		size_t before = q->n;
		enum stream_result in = stream_read(&from->stream, q, PROXY_RELAY_BYTES, &err);

		*moved += q->n - before;
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

enum step step_relay(struct conn *conn)
{
	struct end *client = &conn->client;
	struct end *upstream = &conn->upstream;
	enum copied up = copy(conn, client, upstream, &upstream->moved_out);
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
	if (conn->turn_bytes > 0)
		conn_set_deadline(conn, up == COPY_DONE || down == COPY_DONE
						? conn->proxy->limits.half_closed_ms
						: conn->proxy->limits.relay_idle_ms);
	if (up == COPY_TURN || down == COPY_TURN)
		return conn_yield(conn);
	return STEP_WAIT;
}
