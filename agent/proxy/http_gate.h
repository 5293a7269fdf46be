/* SPDX-License-Identifier: Apache-2.0 */
/* http_gate: may this request be sent? Pure: a parsed request and where it came from in, a decision and
 * what to send out. Every request passes here, on the proxy itself and in tunnels, before a byte of it
 * goes anywhere; nothing is asked of DNS for one that is refused. */
#ifndef AGENT_PROXY_HTTP_GATE_H
#define AGENT_PROXY_HTTP_GATE_H

#include "agent/proxy/refusal.h"
#include "agent/proxy/services.h"
#include "agent/proxy/site.h"
#include "lib/http1_request.h"
#include "lib/websocket.h"
#include "policy/canon_path.h"
#include "policy/policy.h"

enum { GATE_DETAIL_MAX = 1024 };

/* Who asks, and what holds. Borrows. */
struct gate {
	const struct policy *policy;
	const struct program *program; /* NULL: identity is relaxed */
};

struct gate_request {
	const struct http1_request *http;
	/* The tunnel that it came through; NULL for the proxy itself. */
	const struct site *tunnel;
	bool tls; /* in that tunnel */
};

struct gate_answer {
	bool allowed;
	enum refusal_code code; /* of a refusal, as `detail`, `status` and `rule_missing` */
	int status; /* 0: that of the code */
	bool rule_missing;
	struct buf detail;
	struct site site; /* where it goes; host.n == 0 if that is not known */
	uint16_t default_port; /* of the scheme */
	struct canon_target target; /* borrows from the request; path_n == 0 if it is not known */
	bool websocket; /* it asks for one, and `accept` is what the server has to say */
	char accept[WEBSOCKET_ACCEPT_SIZE];
	struct policy_decision decision; /* borrows from the policy */
};

/* May a connection to `site` be opened? Fills `out` but for the target. */
void gate_connect(const struct gate *gate, const struct site *site, struct gate_answer *out);

void gate_decide(const struct gate *gate, const struct gate_request *request,
		 struct gate_answer *out);

/* Where a CONNECT request wants to go: fills the site, or refuses. */
bool gate_read_connect(const struct http1_request *request, struct gate_answer *out);

void gate_answer_done(struct gate_answer *answer);

/* The policy's question about `site`, without a request. */
struct policy_request gate_question(const struct program *program, const struct site *site);

#endif
