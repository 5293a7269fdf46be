/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/conn_reply.h"

#include "agent/proxy/exchange.h"
#include "agent/proxy/transparent.h"
#include "lib/cleanup.h"

static struct slice path_of(const struct gate_answer *answer)
{
	if (answer->target.path_n == 0)
		return (struct slice){ 0 };
	return (struct slice){ (const uint8_t *)answer->target.path, answer->target.path_n };
}

static const char *binary_of(const struct conn *conn)
{
	return conn->program != NULL ? conn->program->binary : NULL;
}

static struct slice method_of(const struct conn *conn)
{
	return conn->exchange != NULL ? slice_text(conn->exchange->method) : (struct slice){ 0 };
}

static struct audit audit_of(const struct conn *conn, const struct gate_answer *answer)
{
	return (struct audit){
		.host = site_host(&answer->site),
		.port = answer->site.port,
		.method = method_of(conn),
		.path = path_of(answer),
		.binary = binary_of(conn),
		.pid = conn->program != NULL ? conn->program->pid : 0,
		.policy = answer->decision.policy,
		.rule = answer->decision.rule,
		.bytes_in = -1,
		.bytes_out = -1,
		.duration_ms = -1,
	};
}

static void put_traffic(const struct conn *conn, int64_t since_ms, struct audit *audit)
{
	audit->bytes_in = (int64_t)conn->upstream.moved_in;
	audit->bytes_out = (int64_t)conn->upstream.moved_out;
	audit->duration_ms = loop_now_ms(conn->proxy->loop) - since_ms;
}

static void count(struct proxy_counters *counters, enum audit_kind kind, enum audit_verdict verdict,
		  enum refusal_code code)
{
	bool denied = verdict == AUDIT_DENY;

	if (verdict == AUDIT_FAIL && code == REFUSAL_TIMEOUT)
		counters->timeouts++;
	else if (verdict == AUDIT_FAIL)
		counters->upstream_failed++;
	else if (code == REFUSAL_BAD_REQUEST)
		counters->requests_malformed++;
	else if (code == REFUSAL_DESTINATION)
		counters->destinations_denied++;
	else if (kind == AUDIT_CONNECT)
		*(denied ? &counters->connects_denied : &counters->connects_allowed) += 1;
	else if (kind == AUDIT_REQUEST)
		*(denied ? &counters->requests_denied : &counters->requests_allowed) += 1;
}

void conn_audit(struct conn *conn, enum audit_kind kind, enum audit_verdict verdict,
		const char *reason)
{
	const struct exchange *x = conn->exchange;
	struct audit audit = audit_of(conn, &x->answer);

	audit.kind = kind;
	audit.verdict = verdict;
	audit.reason = reason;
	audit.status = x->status;
	put_traffic(conn, x->started_ms, &audit);
	count(&conn->proxy->counters, kind, verdict, REFUSAL_POLICY);
	audit_write(conn->proxy->log, &audit);
}

void conn_audit_close(struct conn *conn, const char *reason)
{
	const struct exchange *x = conn->exchange;
	struct gate_answer tunnel = { .site = conn->tunnel, .decision = conn->tunnel_decision };
	struct audit audit = audit_of(conn, x != NULL ? &x->answer : &tunnel);

	audit.kind = AUDIT_CLOSE;
	audit.verdict = AUDIT_ALLOW;
	audit.reason = reason;
	put_traffic(conn, x != NULL ? x->started_ms : conn->tunnel_ms, &audit);
	audit_write(conn->proxy->log, &audit);
}

void conn_audit_refuse_tunnel(struct conn *conn, const char *reason)
{
	struct gate_answer answer = { .site = conn->tunnel, .decision = conn->tunnel_decision };
	struct audit audit = audit_of(conn, &answer);

	audit.kind = AUDIT_CONNECT;
	audit.verdict = AUDIT_DENY;
	audit.reason = reason;
	put_traffic(conn, conn->tunnel_ms, &audit);
	count(&conn->proxy->counters, audit.kind, audit.verdict, REFUSAL_AUTHORITY);
	conn->proxy->counters.refused[REFUSAL_AUTHORITY]++;
	audit_write(conn->proxy->log, &audit);
}

static void audit_refusal(struct conn *conn, const struct gate_answer *answer, int status)
{
	const struct exchange *x = conn->exchange;
	struct audit audit = audit_of(conn, answer);
	bool connect = x != NULL ? x->is_connect : answer->code == REFUSAL_PROTOCOL;

	audit.kind = connect ? AUDIT_CONNECT : AUDIT_REQUEST;
	audit.verdict = refusal_is_failure(answer->code) ? AUDIT_FAIL : AUDIT_DENY;
	audit.reason = buf_text(&answer->detail);
	audit.status = status;
	count(&conn->proxy->counters, audit.kind, audit.verdict, answer->code);
	conn->proxy->counters.refused[answer->code]++;
	audit_write(conn->proxy->log, &audit);
}

enum step conn_refuse(struct conn *conn, const struct gate_answer *answer)
{
	AUTO(buf_done) struct buf out = buf_init(REFUSAL_BODY_MAX + REFUSAL_HEAD_MAX);
	const struct exchange *x = conn->exchange;
	struct refusal refusal = {
		.code = answer->code,
		.status = answer->status != 0 ? answer->status : refusal_status(answer->code),
		.l7 = x != NULL && !x->is_connect,
		.rule_missing = answer->rule_missing,
		.no_body = x != NULL && x->asked == HTTP1_ASKED_HEAD,
		.detail = buf_text(&answer->detail),
		.policy = answer->decision.policy,
		.binary = binary_of(conn),
		.method = method_of(conn),
		.path = path_of(answer),
		.host = answer->site.host.n > 0 ? site_host(&answer->site) : (struct slice){ 0 },
		.port = answer->site.port,
	};

	audit_refusal(conn, answer, refusal.status);
	refusal_write(&refusal, &out);
	queue_put(&conn->client.out, buf_slice(&out));
	conn_close_upstream(conn);
	exchange_free(conn);
	if (transparent_is_raw(conn)) {
		conn_set_deadline(conn, conn->proxy->limits.turn_down_ms);
		return conn_goto(conn, CONN_TURN_DOWN);
	}
	conn_set_deadline(conn, conn->proxy->limits.linger_ms);
	return conn_goto(conn, CONN_REPLY);
}

enum step conn_fail(struct conn *conn, enum refusal_code code, const char *detail)
{
	AUTO(gate_answer_done) struct gate_answer blank = { .detail = buf_init(GATE_DETAIL_MAX) };
	struct gate_answer *answer = conn->exchange != NULL ? &conn->exchange->answer : &blank;

	if (conn->exchange == NULL && conn->has_tunnel) {
		blank.site = conn->tunnel;
		blank.decision.policy = conn->tunnel_decision.policy;
	}
	answer->code = code;
	answer->rule_missing = false;
	buf_clear(&answer->detail);
	buf_puts(&answer->detail, detail);
	return conn_refuse(conn, answer);
}

enum step conn_abort(struct conn *conn, const char *reason)
{
	conn_audit(conn, AUDIT_REQUEST, AUDIT_FAIL, reason);
	conn_close_upstream(conn);
	exchange_free(conn);
	conn_set_deadline(conn, conn->proxy->limits.linger_ms);
	return conn_goto(conn, CONN_REPLY);
}
