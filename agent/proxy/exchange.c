/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/exchange.h"

#include <string.h>

#include "agent/proxy/conn_reply.h"
#include "agent/proxy/exchange_move.h"
#include "agent/proxy/relay.h"
#include "agent/proxy/upstream.h"
#include "lib/cleanup.h"
#include "lib/http1_write.h"
#include "lib/mem.h"

/* Our name in Via, of requests to the proxy itself; inside a tunnel nobody else knows of us. */
static const char via[] = "openshell";

enum {
	/* A head grows by our Host and Via fields, and where a canonical path is longer. */
	HEAD_OUT_MAX = HTTP1_REQUEST_HEAD_MAX * 3 + 1024,
	/* A client that asks on keeps its server's connection; one that waits gives it to the pool, as most of the
	 * memory of both is TLS. */
	HELD_MS = 1000,
};

/* One is kept: a request begins where another one ends, and the allocator takes long for so large a piece. */
static struct exchange *take_spare(struct proxy *proxy)
{
	struct exchange *x = STEAL(proxy->spare_exchange);

	if (x == NULL)
		return mem_calloc(1, sizeof(*x));
	*x = (struct exchange){ 0 };
	return x;
}

static void keep_spare(struct proxy *proxy, struct exchange *x)
{
	if (proxy->spare_exchange == NULL)
		proxy->spare_exchange = x;
	else
		free(x);
}

void exchange_begin(struct conn *conn, const struct http1_request *http)
{
	struct exchange *x = take_spare(conn->proxy);

	x->http = *http;
	x->answer.detail = buf_init(GATE_DETAIL_MAX);
	/* A connection without a proxy has none. */
	if (http->method.n > 0)
		memcpy(x->method, http->method.p, http->method.n);
	x->is_connect = http->form == HTTP1_AUTHORITY_FORM;
	x->started_ms = loop_now_ms(conn->proxy->loop);
	if (http1_text_is(http->method, "head"))
		x->asked = HTTP1_ASKED_HEAD;
	conn->exchange = x;
}

void exchange_free(struct conn *conn)
{
	struct exchange *x = conn->exchange;

	if (x == NULL)
		return;
	upstream_cancel(conn);
	gate_answer_done(&x->answer);
	buf_done(&x->head);
	free(x->query);
	keep_spare(conn->proxy, x);
	conn->exchange = NULL;
}

void exchange_read_site(struct conn *conn)
{
	struct exchange *x = conn->exchange;

	if (conn->in_tunnel)
		x->answer.site = conn->tunnel;
	else if (x->http.form == HTTP1_AUTHORITY_FORM || x->http.form == HTTP1_ABSOLUTE_FORM)
		site_read(&x->http.authority, SITE_PORT_HTTP, &x->answer.site);
}

/* RFC 9110, 9.2.1: asking twice does no more than asking once. */
static bool is_safe(struct slice method)
{
	return http1_text_is(method, "get") || http1_text_is(method, "head") ||
	       http1_text_is(method, "options");
}

void exchange_prepare(struct conn *conn)
{
	struct exchange *x = conn->exchange;
	const struct canon_target *target = &x->answer.target;
	char host[SITE_TEXT_MAX];
	struct http1_forward forward = {
		.target = { (const uint8_t *)target->path, target->path_n },
		.query = target->query,
		.has_query = target->has_query,
		.via = conn->in_tunnel ? NULL : via,
		.upgrade = x->answer.websocket ? "websocket" : NULL,
	};

	site_print(&x->answer.site, x->answer.default_port, host);
	forward.host = slice_text(host);
	x->head = buf_init(HEAD_OUT_MAX);
	http1_write_request(&x->http, &forward, &x->head);
	if (target->query.n > 0)
		x->query = mem_strndup((const char *)target->query.p, target->query.n);
	x->answer.target.query = slice_text(x->query != NULL ? x->query : "");
	x->keep_alive = x->http.head.keep_alive;
	x->http10 = x->http.head.minor == 0;
	x->up_body = http1_body_init(x->http.framing, x->http.head.length);
	x->repeatable =
		!x->http.head.chunked && x->http.head.length == 0 && is_safe(x->http.method);
	queue_take(&conn->client.in, x->http.head.n);
}

bool exchange_may_repeat(const struct exchange *exchange)
{
	return exchange->repeatable;
}

enum step exchange_start(struct conn *conn)
{
	struct exchange *x = conn->exchange;

	x->reused = conn->upstream_used_ms != 0;
	conn->upstream.moved_in = 0;
	conn->upstream.moved_out = 0;
	queue_put(&conn->upstream.out, buf_slice(&x->head));
	if (!x->repeatable)
		buf_done(&x->head);
	conn_set_deadline(conn, conn->proxy->limits.exchange_idle_ms);
	return conn_goto(conn, CONN_EXCHANGE);
}

/* The server had given the connection up before it saw the request. */
static enum step repeat(struct conn *conn)
{
	conn_close_upstream(conn);
	conn->upstream_used_ms = 0;
	return upstream_begin(conn);
}

static void audit_allowed(struct conn *conn)
{
	struct exchange *x = conn->exchange;

	conn_audit(conn, AUDIT_REQUEST, x->answer.decision.audited ? AUDIT_WOULD_DENY : AUDIT_ALLOW,
		   x->answer.decision.audited ? buf_text(&x->answer.detail) : NULL);
}

static enum step finish(struct conn *conn)
{
	struct exchange *x = conn->exchange;
	bool again = x->keep_alive && x->up == UP_DONE && !conn->proxy->draining;

	audit_allowed(conn);
	if (!x->upstream_lasts || x->up != UP_DONE)
		conn_close_upstream(conn);
	else if (!again)
		upstream_leave(conn);
	queue_rest(&conn->upstream.in);
	queue_rest(&conn->upstream.out);
	queue_rest(&conn->client.out);
	conn->upstream_used_ms = loop_now_ms(conn->proxy->loop);
	exchange_free(conn);
	int64_t keep_alive_ms = conn->proxy->limits.keep_alive_ms;
	bool held = conn->upstream.stream.open && keep_alive_ms > HELD_MS;
	conn_set_deadline(conn, held ? HELD_MS : keep_alive_ms);
	return conn_goto(conn, again ? CONN_READ_REQUEST : CONN_REPLY);
}

enum step exchange_rest(struct conn *conn)
{
	int64_t left_ms = conn->proxy->limits.keep_alive_ms - HELD_MS;

	if (!conn->upstream.stream.open || left_ms <= 0)
		return STEP_CLOSE;
	upstream_leave(conn);
	conn->proxy->settled(conn->proxy->owner);
	conn_set_deadline(conn, left_ms);
	return STEP_WAIT;
}

/* Both have said that they go on with something else: from here on it is a tunnel, which the exchange is
 * kept for, as the policy may be asked about it again. */
static enum step go_on_as_tunnel(struct conn *conn)
{
	audit_allowed(conn);
	return relay_begin(conn);
}

enum step step_exchange(struct conn *conn)
{
	struct exchange *x = conn->exchange;

	for (;;) {
		size_t before = conn->turn_bytes;
		struct moved up = exchange_move_up(conn);

		if (up.outcome == MOVE_FAILED)
			return x->answered ? conn_abort(conn, up.why)
					   : conn_fail(conn, up.code, up.why);
		struct moved down = exchange_move_down(conn);
		if (down.outcome == MOVE_REPEAT)
			return repeat(conn);
		if (down.outcome == MOVE_FAILED)
			return x->answered ? conn_abort(conn, down.why)
					   : conn_fail(conn, down.code, down.why);
		if (down.outcome == MOVE_SWITCHED)
			return go_on_as_tunnel(conn);
		if (down.outcome == MOVE_DONE)
			return finish(conn);
		if (conn->turn_bytes > before)
			conn_set_deadline(conn, conn->proxy->limits.exchange_idle_ms);
		if (up.outcome == MOVE_WAIT && down.outcome == MOVE_WAIT)
			return STEP_WAIT;
		if (conn->turn_bytes > PROXY_TURN_BYTES)
			return conn_yield(conn);
	}
}

enum step exchange_timed_out(struct conn *conn)
{
	struct exchange *x = conn->exchange;

	if (x->answered)
		return conn_abort(conn, "no bytes moved for too long");
	if (x->up == UP_BODY && conn->upstream.out.n == 0)
		return conn_fail(conn, REFUSAL_CLIENT_TIMEOUT,
				 "the rest of the request did not arrive in time");
	return conn_fail(conn, REFUSAL_TIMEOUT, "the server did not answer in time");
}
