/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/conn_tls.h"

#include <time.h>

#include "agent/proxy/conn_reply.h"
#include "agent/proxy/exchange.h"
#include "agent/proxy/sniff.h"

static int64_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec;
}

bool conn_tls_is_next(struct slice bytes)
{
	return sniff_is_tls(bytes);
}

enum step conn_tls_accept(struct conn *conn)
{
	struct stream *s = &conn->client.stream;
	struct err err = { 0 };

	if (conn->proxy->intercept == NULL)
		return conn_fail(conn, REFUSAL_TLS_UNAVAILABLE,
				 "TLS cannot be inspected, as there is no certificate authority");
	if (intercept_session(conn->proxy->intercept, conn->tunnel.host.text, s->watch.fd, now_s(),
			      &s->tls, &err) == -1)
		return conn_fail(conn, REFUSAL_TLS_UNAVAILABLE, err.msg);
	tls_session_put_back(s->tls, queue_bytes(&conn->client.in));
	queue_done(&conn->client.in);
	s->readable = true; /* what was put back */
	conn_set_deadline(conn, conn->proxy->limits.handshake_ms);
	return conn_goto(conn, CONN_CLIENT_TLS);
}

enum step step_client_tls(struct conn *conn)
{
	struct err err = { 0 };

	switch (stream_handshake(&conn->client.stream, &err)) {
	case STREAM_MOVED:
		conn->tunnel_tls = true;
		conn->client.stream.readable = true;
		conn_set_deadline(conn, conn->proxy->limits.keep_alive_ms);
		return conn_goto(conn, CONN_READ_REQUEST);
	case STREAM_WAIT:
		return STEP_WAIT;
	case STREAM_FULL:
	case STREAM_END:
	case STREAM_ERROR:
		break;
	}
	conn_audit_close(conn, err.msg);
	return STEP_CLOSE;
}

enum step conn_tls_connect(struct conn *conn)
{
	struct stream *s = &conn->upstream.stream;
	struct tls_target target = { conn->upstream_site.host.text, conn->upstream_site.port };
	struct err err = { 0 };

	if (conn->proxy->tls_client == NULL)
		return conn_fail(conn, REFUSAL_UPSTREAM_TLS,
				 "no authority is trusted, so no server can be");
	if (tls_client_session(conn->proxy->tls_client, &target, s->watch.fd, now_s(), &s->tls,
			       &err) == -1)
		return conn_fail(conn, REFUSAL_UPSTREAM_TLS, err.msg);
	if (conn->upstream.in.n > 0) {
		tls_session_put_back(s->tls, queue_bytes(&conn->upstream.in));
		queue_done(&conn->upstream.in);
	}
	conn_set_deadline(conn, conn->proxy->limits.handshake_ms);
	return conn_goto(conn, CONN_UPSTREAM_TLS);
}

enum step step_upstream_tls(struct conn *conn)
{
	struct err err = { 0 };

	switch (stream_handshake(&conn->upstream.stream, &err)) {
	case STREAM_MOVED:
		conn->upstream.stream.readable = true;
		return exchange_start(conn);
	case STREAM_WAIT:
		return STEP_WAIT;
	case STREAM_FULL:
	case STREAM_END:
	case STREAM_ERROR:
		break;
	}
	return conn_fail(conn, REFUSAL_UPSTREAM_TLS, err.msg);
}
