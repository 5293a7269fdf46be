/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/conn_steps.h"

#include <stdio.h>
#include <string.h>

#include "agent/proxy/conn_reply.h"
#include "agent/proxy/conn_tls.h"
#include "agent/proxy/credentials.h"
#include "agent/proxy/exchange.h"
#include "agent/proxy/relay.h"
#include "agent/proxy/transparent.h"
#include "agent/proxy/upstream.h"
#include "agent/proxy/upstream_connect.h"

/* Of what a client goes on sending after it was refused: enough for it to read the answer. */
enum { LINGER_BYTES_MAX = 1 << 20 };

/* --- reading ------------------------------------------------------------------------------------- */

/* A head is parsed again only when it may be complete: byte by byte it would cost its square. */
static bool is_worth_parsing(const struct conn *conn, struct slice bytes)
{
	if (conn->seen == 0 || bytes.n > HTTP1_REQUEST_HEAD_MAX)
		return bytes.n > 0;
	return bytes.n > conn->seen &&
	       memchr(bytes.p + conn->seen, '\n', bytes.n - conn->seen) != NULL;
}

static enum step refuse_malformed(struct conn *conn, enum http1_fault fault)
{
	struct gate_answer answer = {
		.code = REFUSAL_BAD_REQUEST,
		.status = http1_fault_status(fault),
		.detail = buf_init(GATE_DETAIL_MAX),
	};

	if (conn->has_tunnel)
		answer.site = conn->tunnel;
	/* What does not even begin like HTTP/1 is another protocol. */
	if (conn->in_tunnel && conn->requests == 1 &&
	    (fault == HTTP1_FAULT_METHOD || fault == HTTP1_FAULT_VERSION)) {
		answer.code = REFUSAL_PROTOCOL;
		answer.status = 0;
	}
	buf_puts(&answer.detail, http1_fault_text(fault));
	enum step step = conn_refuse(conn, &answer);
	gate_answer_done(&answer);
	return step;
}

/* What comes through a tunnel came to this proxy with them. */
static bool lacks_credentials(const struct conn *conn, const struct http1_request *http)
{
	const char *credentials = conn->proxy->credentials;

	return credentials != NULL && !conn->in_tunnel && conn->entry == CONN_EXPLICIT &&
	       !credentials_match(credentials, &http->head);
}

static enum step parse_request(struct conn *conn, struct slice bytes)
{
	struct http1_request http;
	enum http1_fault fault;
	enum parse got = http1_request_parse(bytes, &http, &fault);

	conn->seen = bytes.n;
	if (got == PARSE_MORE)
		return STEP_WAIT;
	conn->seen = 0;
	conn->requests++;
	if (got == PARSE_BAD)
		return refuse_malformed(conn, fault);
	exchange_begin(conn, &http);
	if (lacks_credentials(conn, &http)) {
		exchange_read_site(conn);
		return conn_fail(conn, REFUSAL_CREDENTIALS,
				 "the request does not name the user and password of this proxy");
	}
	conn_set_deadline(conn, conn->proxy->limits.identify_ms);
	return conn_goto(conn, CONN_IDENTIFY);
}

static enum step read_more_of_head(struct conn *conn)
{
	bool first = conn->client.in.n == 0;
	struct err err;

	switch (stream_read(&conn->client.stream, &conn->client.in, PROXY_EXCHANGE_BYTES, &err)) {
	case STREAM_MOVED:
		if (first)
			conn_set_deadline(conn, conn->proxy->limits.head_ms);
		return STEP_AGAIN;
	case STREAM_WAIT:
		queue_rest(&conn->client.in);
		return STEP_WAIT;
	case STREAM_END:
		if (!first)
			return conn_fail(conn, REFUSAL_BAD_REQUEST,
					 "the request ended in the middle of its head");
		return STEP_CLOSE;
	case STREAM_FULL:
	case STREAM_ERROR:
		break;
	}
	return STEP_CLOSE;
}

static enum step step_read_request(struct conn *conn)
{
	struct slice bytes = queue_bytes(&conn->client.in);

	upstream_check_idle(conn);
	if (is_worth_parsing(conn, bytes)) {
		enum step step = parse_request(conn, bytes);

		if (step != STEP_WAIT)
			return step;
	}
	if (conn->proxy->draining && bytes.n == 0)
		return STEP_CLOSE;
	return read_more_of_head(conn);
}

/* --- deciding ------------------------------------------------------------------------------------ */

static enum step step_identify(struct conn *conn)
{
	if (conn->identify.pending)
		return STEP_WAIT;
	if (conn->identity_error == NULL)
		return conn_goto(conn, CONN_DECIDE);
	char detail[GATE_DETAIL_MAX];
	snprintf(detail, sizeof(detail), "the program that asks is not known: %s",
		 conn->identity_error);
	exchange_read_site(conn);
	return conn_fail(conn, REFUSAL_POLICY, detail);
}

static enum step decide_connect(struct conn *conn)
{
	struct exchange *x = conn->exchange;
	struct gate gate = conn_gate(conn);
	struct site site;

	if (conn->entry == CONN_TRANSPARENT ? !transparent_read_site(&x->answer)
					    : !gate_read_connect(&x->http, &x->answer))
		return conn_refuse(conn, &x->answer);
	site = x->answer.site;
	gate_answer_done(&x->answer);
	gate_connect(&gate, &site, &x->answer);
	if (!x->answer.allowed)
		return conn_refuse(conn, &x->answer);
	/* Each request through it is decided, and only an allowed one resolves or dials anything. */
	if (x->answer.decision.inspect && !x->answer.decision.skip_tls)
		return conn_goto(conn, CONN_OPEN_TUNNEL);
	return upstream_begin(conn);
}

static enum step step_decide(struct conn *conn)
{
	struct exchange *x = conn->exchange;
	struct gate gate = conn_gate(conn);
	struct gate_request request = {
		.http = &x->http,
		.tunnel = conn->in_tunnel ? &conn->tunnel : NULL,
		.tls = conn->tunnel_tls,
	};

	if (x->is_connect && !conn->in_tunnel)
		return decide_connect(conn);
	gate_decide(&gate, &request, &x->answer);
	if (!x->answer.allowed)
		return conn_refuse(conn, &x->answer);
	exchange_prepare(conn);
	if (upstream_reuse(conn)) {
		conn->proxy->counters.pool_hits++;
		return exchange_start(conn);
	}
	conn->proxy->counters.pool_misses++;
	return upstream_begin(conn);
}

/* --- tunnels ------------------------------------------------------------------------------------- */

static enum step step_open_tunnel(struct conn *conn)
{
	static const char established[] = "HTTP/1.1 200 Connection Established\r\n\r\n";
	struct exchange *x = conn->exchange;
	bool inspect = x->answer.decision.inspect && !x->answer.decision.skip_tls;

	conn->has_tunnel = true;
	conn->in_tunnel = inspect;
	conn->tunnel = x->answer.site;
	conn->tunnel_decision = x->answer.decision;
	conn->tunnel_ms = x->started_ms;
	conn->requests = 0;
	x->status = 200;
	conn_audit(conn, AUDIT_CONNECT, AUDIT_ALLOW, NULL);
	queue_take(&conn->client.in, x->http.head.n);
	exchange_free(conn);
	if (conn->entry == CONN_EXPLICIT)
		queue_put(&conn->client.out, slice_text(established));
	if (inspect) {
		conn_set_deadline(conn, conn->proxy->limits.sniff_ms);
		return conn_goto(conn, CONN_SNIFF);
	}
	return relay_begin(conn);
}

/* What is left to send is sent first. STEP_AGAIN: it is. */
static enum step flush_client(struct conn *conn)
{
	struct err err;

	for (;;) {
		switch (stream_write(&conn->client.stream, &conn->client.out, &err)) {
		case STREAM_MOVED:
			continue;
		case STREAM_FULL:
			return STEP_AGAIN;
		case STREAM_WAIT:
			return STEP_WAIT;
		case STREAM_END:
		case STREAM_ERROR:
			return STEP_CLOSE;
		}
	}
}

static enum step sniff(struct conn *conn, struct slice bytes)
{
	static const char h2_preface[] = "PRI ";
	size_t n = bytes.n < 4 ? bytes.n : 4;

	if (conn_tls_is_next(bytes))
		return conn_tls_accept(conn);
	/* "P" may yet become POST or PUT. */
	if (memcmp(bytes.p, h2_preface, n) == 0 && n < 4)
		return STEP_WAIT;
	if (memcmp(bytes.p, h2_preface, n) == 0)
		return conn_fail(conn, REFUSAL_PROTOCOL,
				 "HTTP/2 came through the tunnel, and its requests cannot be "
				 "inspected");
	if (bytes.p[0] < 'A' || bytes.p[0] > 'Z')
		return conn_fail(conn, REFUSAL_PROTOCOL,
				 "what came through the tunnel is neither TLS nor HTTP/1");
	conn_set_deadline(conn, conn->proxy->limits.head_ms);
	return conn_goto(conn, CONN_READ_REQUEST);
}

static enum step step_sniff(struct conn *conn)
{
	enum step step = flush_client(conn);
	struct err err;

	if (step != STEP_AGAIN)
		return step;
	if (conn->client.in.n > 0) {
		step = sniff(conn, queue_bytes(&conn->client.in));
		if (step != STEP_WAIT)
			return step;
	}
	switch (stream_read(&conn->client.stream, &conn->client.in, PROXY_EXCHANGE_BYTES, &err)) {
	case STREAM_MOVED:
		return STEP_AGAIN;
	case STREAM_WAIT:
		return STEP_WAIT;
	case STREAM_FULL:
	case STREAM_END:
	case STREAM_ERROR:
		break;
	}
	conn_audit_close(conn, NULL);
	return STEP_CLOSE;
}

/* --- ending -------------------------------------------------------------------------------------- */

static enum step step_reply(struct conn *conn)
{
	enum step step = flush_client(conn);

	if (step != STEP_AGAIN)
		return step;
	stream_finish(&conn->client.stream);
	conn->turn_bytes = 0;
	conn_set_deadline(conn, conn->proxy->limits.linger_ms);
	return conn_goto(conn, CONN_LINGER);
}

/* Closing with unread bytes would send a reset, which may overtake the answer. */
static enum step step_linger(struct conn *conn)
{
	struct queue *in = &conn->client.in;
	struct err err;

	for (;;) {
		conn->turn_bytes += in->n;
		queue_take(in, in->n);
		if (conn->turn_bytes > LINGER_BYTES_MAX)
			return STEP_CLOSE;
		switch (stream_read(&conn->client.stream, in, PROXY_EXCHANGE_BYTES, &err)) {
		case STREAM_MOVED:
			continue;
		case STREAM_WAIT:
			queue_rest(in);
			return STEP_WAIT;
		case STREAM_FULL:
		case STREAM_END:
		case STREAM_ERROR:
			return STEP_CLOSE;
		}
	}
}

/* --- the machine --------------------------------------------------------------------------------- */

static enum step (*const steps[CONN_STATES])(struct conn *) = {
	[CONN_READ_REQUEST] = step_read_request,
	[CONN_IDENTIFY] = step_identify,
	[CONN_DECIDE] = step_decide,
	[CONN_RESOLVE] = step_resolve,
	[CONN_DIAL] = step_dial,
	[CONN_UPSTREAM_CONNECT] = step_upstream_connect,
	[CONN_UPSTREAM_TLS] = step_upstream_tls,
	[CONN_OPEN_TUNNEL] = step_open_tunnel,
	[CONN_SNIFF] = step_sniff,
	[CONN_CLIENT_TLS] = step_client_tls,
	[CONN_EXCHANGE] = step_exchange,
	[CONN_RELAY] = step_relay,
	[CONN_REPLY] = step_reply,
	[CONN_LINGER] = step_linger,
	[CONN_TURN_DOWN] = step_turn_down,
};

enum step conn_step(struct conn *conn)
{
	return steps[conn->state](conn);
}

enum step conn_timed_out(struct conn *conn)
{
	switch (conn->state) {
	case CONN_READ_REQUEST:
		if (conn->client.in.n == 0)
			return exchange_rest(conn);
		return conn_fail(conn, REFUSAL_CLIENT_TIMEOUT,
				 "the request's head did not arrive in time");
	case CONN_IDENTIFY:
		exchange_read_site(conn);
		if (conn->identify.queued)
			return conn_fail(
				conn, REFUSAL_FULL,
				"too many connections wait for their programs to be found");
		return conn_fail(conn, REFUSAL_POLICY,
				 "the program that asks was not found in time");
	case CONN_RESOLVE:
		return conn_fail(conn, REFUSAL_TIMEOUT, "the host was not resolved in time");
	case CONN_DIAL:
		return upstream_next_address(conn, "no answer in time");
	case CONN_UPSTREAM_CONNECT:
		return upstream_next_address(conn, "no answer of the upstream proxy in time");
	case CONN_UPSTREAM_TLS:
		return conn_fail(conn, REFUSAL_TIMEOUT,
				 "the server did not finish the TLS handshake in time");
	case CONN_SNIFF:
		return conn_fail(conn, REFUSAL_PROTOCOL,
				 "nothing came through the tunnel in time; where the server "
				 "speaks first, it cannot be inspected");
	case CONN_CLIENT_TLS:
		conn_audit_close(conn, "the client did not finish the TLS handshake in time");
		return STEP_CLOSE;
	case CONN_EXCHANGE:
		return exchange_timed_out(conn);
	case CONN_RELAY:
		return relay_timed_out(conn);
	case CONN_TURN_DOWN:
		return transparent_reset(conn);
	case CONN_DECIDE:
	case CONN_OPEN_TUNNEL:
	case CONN_REPLY:
	case CONN_LINGER:
	case CONN_STATES:
		break;
	}
	return STEP_CLOSE;
}
