/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/conn_policy.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/proxy/conn_reply.h"
#include "agent/proxy/exchange.h"
#include "agent/proxy/upstream.h"

static const char changed[] = "the policy changed, and no longer allows this";

static bool same_handling(const struct policy_decision *a, const struct policy_decision *b)
{
	return a->inspect == b->inspect && a->skip_tls == b->skip_tls;
}

/* Whether what is connected to, or may be yet, still may: allowed_ips may have changed. */
static bool upstream_still_valid(const struct conn *conn, const struct site *site,
				 const struct policy_decision *decision)
{
	const struct services *services = conn->proxy->services;
	struct destination_answer ignored;
	struct address addresses[PROXY_ADDRESSES_MAX];
	bool by_name;
	struct err err;
	size_t n = upstream_addresses(conn, addresses, &by_name);

	if (n == 0 && !by_name)
		return true;
	struct destination_question question = {
		.host = site_host(site),
		.port = site->port,
		.decision = decision,
		.addresses = addresses,
		.n = n,
		.by_name = by_name,
	};
	return services->validate(services->ctx, &question, &ignored, &err) == 0;
}

static bool tunnel_still_allowed(struct conn *conn)
{
	struct policy_request question = gate_question(conn->program, &conn->tunnel);
	struct policy_decision again = policy_decide_connect(conn->proxy->policy, &question);
	bool allowed = again.verdict == POLICY_ALLOW &&
		       same_handling(&again, &conn->tunnel_decision) &&
		       (conn->in_tunnel || upstream_still_valid(conn, &conn->tunnel, &again));

	/* Replaced in any case: its texts are the old policy's. */
	conn->tunnel_decision = again;
	return allowed;
}

/* A request, or a CONNECT that is on its way. */
static bool exchange_still_allowed(struct conn *conn)
{
	struct exchange *x = conn->exchange;
	struct gate_answer *answer = &x->answer;
	struct policy_request question = gate_question(conn->program, &answer->site);
	struct policy_decision again;

	if (conn->state == CONN_IDENTIFY)
		return true; /* not decided yet */
	if (x->is_connect) {
		again = policy_decide_connect(conn->proxy->policy, &question);
		again.verdict =
			same_handling(&again, &answer->decision) ? again.verdict : POLICY_DENY;
	} else {
		question.method = slice_text(x->method);
		question.path = (struct slice){ (const uint8_t *)answer->target.path,
						answer->target.path_n };
		question.query = answer->target.query;
		again = policy_decide_request(conn->proxy->policy, &question);
	}
	answer->decision = again;
	return again.verdict == POLICY_ALLOW && upstream_still_valid(conn, &answer->site, &again);
}

static bool is_ending(const struct conn *conn)
{
	return conn->state == CONN_REPLY || conn->state == CONN_LINGER ||
	       conn->state == CONN_TURN_DOWN;
}

static enum step give_up(struct conn *conn)
{
	conn->proxy->counters.closed_by_policy++;
	if (conn->state == CONN_RELAY) {
		conn_audit_close(conn, changed);
		return STEP_CLOSE;
	}
	if (conn->exchange != NULL && conn->exchange->answered)
		return conn_abort(conn, changed);
	if (conn->exchange != NULL || conn->state == CONN_READ_REQUEST || conn->state == CONN_SNIFF)
		return conn_fail(conn, REFUSAL_POLICY, changed);
	conn_audit_close(conn, changed);
	return STEP_CLOSE;
}

void conn_decide_again(struct conn *conn)
{
	bool idle = conn->exchange == NULL && conn->state != CONN_RELAY;
	bool allowed = (!conn->has_tunnel || tunnel_still_allowed(conn)) &&
		       (conn->exchange == NULL || exchange_still_allowed(conn));

	/* What waits for the next request was validated for another policy. */
	if (idle)
		conn_close_upstream(conn);
	if (allowed || is_ending(conn))
		return;
	if (give_up(conn) == STEP_CLOSE)
		conn_free(conn);
	else
		loop_task_queue(conn->proxy->loop, &conn->task);
}
