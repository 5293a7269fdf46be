/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/upstream_connect.h"

#include <stdio.h>

#include "agent/proxy/exchange.h"
#include "agent/proxy/upstream.h"
#include "agent/proxy/upstream_proxy.h"
#include "lib/cleanup.h"

enum { REQUEST_MAX = 2 * SITE_TEXT_MAX + CREDENTIALS_FIELD_MAX + 128 };

enum step upstream_connect_begin(struct conn *conn, const struct address *address)
{
	AUTO(buf_done) struct buf request = buf_init(REQUEST_MAX);

	upstream_proxy_write_connect(conn->proxy->upstream_proxy, &conn->exchange->answer.site,
				     address, &request);
	queue_put(&conn->upstream.out, buf_slice(&request));
	return conn_goto(conn, CONN_UPSTREAM_CONNECT);
}

/* The answer, once it is there; what it says in words is the other proxy's, and not repeated. */
static enum step take_answer(struct conn *conn)
{
	struct queue *in = &conn->upstream.in;
	struct http1_response response;
	enum http1_fault fault;
	char why[64];

	switch (http1_response_parse(queue_bytes(in), HTTP1_ASKED_CONNECT, &response, &fault)) {
	case PARSE_MORE:
		return STEP_AGAIN; /* until the socket has no more */
	case PARSE_BAD:
		return upstream_next_address(conn, "the upstream proxy's answer is malformed");
	case PARSE_OK:
		break;
	}
	if (response.status != 200) {
		snprintf(why, sizeof(why), "the upstream proxy answered %d", response.status);
		return upstream_next_address(conn, why);
	}
	queue_take(in, response.head.n);
	return upstream_connected(conn);
}

static enum step read_answer(struct conn *conn)
{
	struct end *upstream = &conn->upstream;
	struct err err;

	switch (stream_read(&upstream->stream, &upstream->in, UPSTREAM_PROXY_HEAD_MAX, &err)) {
	case STREAM_MOVED:
		return take_answer(conn);
	case STREAM_WAIT:
		return STEP_WAIT;
	case STREAM_FULL:
		return upstream_next_address(conn, "the upstream proxy's answer is too long");
	case STREAM_END:
	case STREAM_ERROR:
		break;
	}
	return upstream_next_address(conn,
				     "the upstream proxy closed the connection without an answer");
}

enum step step_upstream_connect(struct conn *conn)
{
	struct end *upstream = &conn->upstream;
	struct err err;

	while (upstream->out.n > 0) {
		switch (stream_write(&upstream->stream, &upstream->out, &err)) {
		case STREAM_MOVED:
			continue;
		case STREAM_WAIT:
			return STEP_WAIT;
		case STREAM_FULL:
		case STREAM_END:
		case STREAM_ERROR:
			return upstream_next_address(conn, "the upstream proxy took no request");
		}
	}
	queue_rest(&upstream->out);
	return read_answer(conn);
}
