/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/exchange_move.h"

#include <string.h>

#include "agent/proxy/exchange.h"
#include "lib/cleanup.h"
#include "lib/http1_write.h"

enum {
	RESPONSE_HEAD_OUT_MAX = HTTP1_RESPONSE_HEAD_MAX * 2 + 1024,
};

static struct moved moved(enum move_outcome outcome)
{
	return (struct moved){ .outcome = outcome };
}

static struct moved failed(enum refusal_code code, const char *why)
{
	return (struct moved){ .outcome = MOVE_FAILED, .code = code, .why = why };
}

static void put_payload(struct queue *to, struct slice data, bool chunked)
{
	AUTO(buf_done) struct buf chunk = buf_init(data.n + HTTP1_CHUNK_FRAME_MAX);

	if (!chunked) {
		queue_put(to, data);
		return;
	}
	http1_put_chunk(&chunk, data);
	queue_put(to, buf_slice(&chunk));
}

static void put_last_chunk(struct queue *to)
{
	AUTO(buf_done) struct buf last = buf_init(HTTP1_CHUNK_FRAME_MAX);

	http1_put_last_chunk(&last);
	queue_put(to, buf_slice(&last));
}

/* --- the request --------------------------------------------------------------------------------- */

/* Takes body bytes that are there. */
static struct moved take_request_body(struct conn *conn)
{
	struct exchange *x = conn->exchange;
	struct queue *in = &conn->client.in;
	struct queue *out = &conn->upstream.out;
	bool chunked = x->up_body.framing == HTTP1_BODY_CHUNKED;

	while (out->n < PROXY_EXCHANGE_BYTES) {
		enum http1_fault fault;
		struct slice data;
		size_t used;
		enum parse got =
			http1_body_take(&x->up_body, queue_bytes(in), &used, &data, &fault);

		if (got == PARSE_BAD)
			return failed(REFUSAL_BAD_REQUEST, http1_fault_text(fault));
		put_payload(out, data, chunked);
		conn->upstream.moved_out += data.n;
		conn->proxy->counters.bytes_out += data.n;
		queue_take(in, used);
		if (got == PARSE_OK) {
			x->up = UP_DONE;
			if (chunked)
				put_last_chunk(out);
			queue_rest(in);
			return moved(MOVE_MORE);
		}
		if (used == 0)
			return moved(MOVE_WAIT);
	}
	return moved(MOVE_MORE);
}

static struct moved read_request_body(struct conn *conn)
{
	struct moved taken = take_request_body(conn);
	size_t before = conn->client.in.n;
	struct err err;

	if (taken.outcome != MOVE_WAIT)
		return taken;
	switch (stream_read(&conn->client.stream, &conn->client.in, PROXY_EXCHANGE_BYTES, &err)) {
	case STREAM_MOVED:
		conn->turn_bytes += conn->client.in.n - before;
		return moved(MOVE_MORE);
	case STREAM_END:
	case STREAM_ERROR:
		return failed(REFUSAL_CLIENT, "the client left in the middle of its request");
	case STREAM_WAIT:
	case STREAM_FULL:
		break;
	}
	return moved(MOVE_WAIT);
}

struct moved exchange_move_up(struct conn *conn)
{
	struct exchange *x = conn->exchange;
	struct end *upstream = &conn->upstream;
	struct moved read = moved(MOVE_WAIT);
	struct err err;

	if (x->up == UP_BODY && upstream->out.n < PROXY_EXCHANGE_BYTES)
		read = read_request_body(conn);
	if (read.outcome == MOVE_FAILED)
		return read;
	/* The client hung up: nobody is left to answer. */
	if (conn->client.stream.gone)
		return failed(REFUSAL_CLIENT, "the client left before it was answered");
	switch (stream_write(&upstream->stream, &upstream->out, &err)) {
	case STREAM_MOVED:
		return moved(MOVE_MORE);
	case STREAM_ERROR:
		/* It may have answered before it stopped listening. */
		if (x->up == UP_BODY)
			x->up = UP_REFUSED;
		queue_take(&upstream->out, upstream->out.n);
		return moved(MOVE_WAIT);
	case STREAM_WAIT:
	case STREAM_FULL:
	case STREAM_END:
		break;
	}
	return read;
}

/* --- the response -------------------------------------------------------------------------------- */

static struct moved forward_interim(struct conn *conn, const struct http1_response *response)
{
	AUTO(buf_done) struct buf out = buf_init(RESPONSE_HEAD_OUT_MAX);
	struct http1_answer answer = { 0 };

	if (response->contradicts)
		return failed(REFUSAL_UPSTREAM, "an interim response announces a body");
	if (++conn->exchange->interims > PROXY_INTERIMS_MAX)
		return failed(REFUSAL_UPSTREAM, "the server sends interim responses without end");
	/* HTTP/1.0 knows none (RFC 9110, 15.2). */
	if (conn->exchange->http10)
		return moved(MOVE_MORE);
	http1_write_response(response, &answer, &out);
	queue_put(&conn->client.out, buf_slice(&out));
	return moved(MOVE_MORE);
}

static void forward_head(struct conn *conn, const struct http1_response *response)
{
	AUTO(buf_done) struct buf out = buf_init(RESPONSE_HEAD_OUT_MAX);
	struct exchange *x = conn->exchange;
	struct http1_answer answer = { .framing = response->framing };

	/* A client that knows chunks is told where the body ends; another one sees it close. */
	if (response->framing == HTTP1_BODY_UNTIL_CLOSE || response->framing == HTTP1_BODY_CHUNKED)
		answer.framing = x->http10 ? HTTP1_BODY_UNTIL_CLOSE : HTTP1_BODY_CHUNKED;
	x->down_chunked = answer.framing == HTTP1_BODY_CHUNKED;
	x->keep_alive = x->keep_alive && answer.framing != HTTP1_BODY_UNTIL_CLOSE &&
			!conn->proxy->draining && (x->up == UP_DONE || response->status < 400);
	answer.close = !x->keep_alive;
	answer.keep_alive = x->keep_alive && x->http10;
	x->upstream_lasts = response->head.keep_alive && !response->contradicts &&
			    response->framing != HTTP1_BODY_UNTIL_CLOSE;
	x->down_body = http1_body_init(response->framing, response->head.length);
	x->status = response->status;
	x->answered = true;
	http1_write_response(response, &answer, &out);
	queue_put(&conn->client.out, buf_slice(&out));
}

/* Only what was asked for, and only where the server proves that it understood: else one side would go on
 * with HTTP, and the other's bytes would be its requests. */
static struct moved switch_protocols(struct conn *conn, const struct http1_response *response)
{
	AUTO(buf_done) struct buf out = buf_init(RESPONSE_HEAD_OUT_MAX);
	struct http1_answer answer = { .upgrade = "websocket" };
	struct exchange *x = conn->exchange;

	if (!x->answer.websocket)
		return failed(REFUSAL_UPSTREAM,
			      "the server switches protocols without being asked");
	if (!websocket_is_accepted(response, x->answer.accept) || conn->upstream.out.n > 0)
		return failed(
			REFUSAL_UPSTREAM,
			"the server's answer does not accept the WebSocket that was asked for");
	x->status = response->status;
	x->answered = true;
	http1_write_response(response, &answer, &out);
	queue_put(&conn->client.out, buf_slice(&out));
	return moved(MOVE_SWITCHED);
}

static struct moved take_head(struct conn *conn)
{
	struct exchange *x = conn->exchange;
	struct queue *in = &conn->upstream.in;
	struct http1_response response;
	struct moved result = moved(MOVE_MORE);
	enum http1_fault fault;

	switch (http1_response_parse(queue_bytes(in), x->asked, &response, &fault)) {
	case PARSE_MORE:
		return moved(MOVE_WAIT);
	case PARSE_BAD:
		return failed(REFUSAL_UPSTREAM, http1_fault_text(fault));
	case PARSE_OK:
		break;
	}
	buf_done(&x->head);
	if (response.interim) {
		result = forward_interim(conn, &response);
	} else if (response.status == 101) {
		result = switch_protocols(conn, &response);
	} else {
		forward_head(conn, &response);
		x->down = DOWN_BODY;
	}
	queue_take(in, response.head.n);
	return result;
}

static void end_body(struct conn *conn)
{
	struct exchange *x = conn->exchange;

	x->down = DOWN_DONE;
	if (x->down_chunked)
		put_last_chunk(&conn->client.out);
}

static struct moved take_body(struct conn *conn)
{
	struct exchange *x = conn->exchange;
	struct queue *in = &conn->upstream.in;
	struct queue *out = &conn->client.out;

	while (out->n < PROXY_EXCHANGE_BYTES) {
		enum http1_fault fault;
		struct slice data;
		size_t used;
		enum parse got =
			http1_body_take(&x->down_body, queue_bytes(in), &used, &data, &fault);

		if (got == PARSE_BAD)
			return failed(REFUSAL_UPSTREAM, http1_fault_text(fault));
		put_payload(out, data, x->down_chunked);
		conn->upstream.moved_in += data.n;
		conn->proxy->counters.bytes_in += data.n;
		queue_take(in, used);
		if (got == PARSE_OK) {
			end_body(conn);
			return moved(MOVE_MORE);
		}
		if (used == 0)
			return moved(MOVE_WAIT);
	}
	return moved(MOVE_MORE);
}

static struct moved take_response(struct conn *conn)
{
	return conn->exchange->down == DOWN_HEAD ? take_head(conn) : take_body(conn);
}

/* The server sends no more, and what it sent is taken. */
static struct moved upstream_ended(struct conn *conn)
{
	struct exchange *x = conn->exchange;
	bool fresh = x->down == DOWN_HEAD && conn->upstream.in.n == 0;

	if (fresh && x->reused && x->repeatable && x->head.n > 0)
		return moved(MOVE_REPEAT);
	if (x->down == DOWN_HEAD)
		return failed(REFUSAL_UPSTREAM,
			      "the server closed the connection without an answer");
	if (x->down_body.framing != HTTP1_BODY_UNTIL_CLOSE || conn->upstream.stream.cut)
		return failed(REFUSAL_UPSTREAM,
			      "the server closed the connection within its answer");
	end_body(conn);
	return moved(MOVE_MORE);
}

static struct moved read_response(struct conn *conn)
{
	struct end *upstream = &conn->upstream;
	struct moved taken = upstream->in.n > 0 || conn->exchange->down == DOWN_BODY
				     ? take_response(conn)
				     : moved(MOVE_WAIT);
	size_t before = upstream->in.n;
	struct err err;

	if (taken.outcome != MOVE_WAIT)
		return taken;
	switch (stream_read(&upstream->stream, &upstream->in, HTTP1_RESPONSE_HEAD_MAX + 1, &err)) {
	case STREAM_MOVED:
		conn->turn_bytes += upstream->in.n - before;
		return moved(MOVE_MORE);
	case STREAM_END:
	case STREAM_ERROR:
		return upstream_ended(conn);
	case STREAM_WAIT:
	case STREAM_FULL:
		break;
	}
	return moved(MOVE_WAIT);
}

/* Bytes of the response that were read, and room for them. */
static bool has_more_to_take(const struct conn *conn)
{
	return conn->exchange->down != DOWN_DONE && conn->upstream.in.n > 0 &&
	       conn->client.out.n < PROXY_EXCHANGE_BYTES;
}

struct moved exchange_move_down(struct conn *conn)
{
	struct exchange *x = conn->exchange;
	struct end *client = &conn->client;
	struct moved read = moved(MOVE_WAIT);
	struct err err;

	/* What is there is written at once: a head that went ahead of its body would be a packet of its own. */
	do {
		if (x->down != DOWN_DONE && client->out.n < PROXY_EXCHANGE_BYTES)
			read = read_response(conn);
	} while (read.outcome == MOVE_MORE && has_more_to_take(conn));
	if (read.outcome == MOVE_FAILED || read.outcome == MOVE_REPEAT ||
	    read.outcome == MOVE_SWITCHED)
		return read;
	switch (stream_write(&client->stream, &client->out, &err)) {
	case STREAM_MOVED:
		return moved(x->down == DOWN_DONE && client->out.n == 0 ? MOVE_DONE : MOVE_MORE);
	case STREAM_ERROR:
		return failed(REFUSAL_CLIENT, "the client left before it had the whole answer");
	case STREAM_FULL:
		return x->down == DOWN_DONE ? moved(MOVE_DONE) : read;
	case STREAM_WAIT:
	case STREAM_END:
		break;
	}
	return read;
}
