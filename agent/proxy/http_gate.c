/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/http_gate.h"

#include "agent/proxy/http_override.h"

static bool refuse(struct gate_answer *out, enum refusal_code code, const char *detail)
{
	out->allowed = false;
	out->code = code;
	buf_clear(&out->detail);
	buf_puts(&out->detail, detail);
	return false;
}

static void start(struct gate_answer *out)
{
	*out = (struct gate_answer){ .detail = buf_init(GATE_DETAIL_MAX) };
}

void gate_answer_done(struct gate_answer *answer)
{
	buf_done(&answer->detail);
}

struct policy_request gate_question(const struct program *program, const struct site *site)
{
	return (struct policy_request){
		.host = site_host(site),
		.port = site->port,
		.binary = program != NULL ? program->binary : NULL,
		.ancestors = program != NULL ? program->ancestors : NULL,
		.n_ancestors = program != NULL ? program->n_ancestors : 0,
		.relaxed_identity = program == NULL,
	};
}

/* Whether a rule could be added that allows it: not where identity or another rule is against it. */
static bool is_rule_missing(enum policy_reason reason)
{
	return reason == POLICY_REASON_NO_NETWORK || reason == POLICY_REASON_NO_ENDPOINT ||
	       reason == POLICY_REASON_NO_PATH || reason == POLICY_REASON_NO_RULE;
}

static bool conclude(const struct policy_request *question, struct gate_answer *out)
{
	out->allowed = out->decision.verdict == POLICY_ALLOW;
	buf_clear(&out->detail);
	if (out->allowed && !out->decision.audited)
		return true;
	policy_explain(question, &out->decision, &out->detail);
	out->code = REFUSAL_POLICY;
	out->rule_missing = is_rule_missing(out->decision.reason);
	return out->allowed;
}

void gate_connect(const struct gate *gate, const struct site *site, struct gate_answer *out)
{
	struct policy_request question = gate_question(gate->program, site);

	start(out);
	out->site = *site;
	out->decision = policy_decide_connect(gate->policy, &question);
	conclude(&question, out);
}

bool gate_read_connect(const struct http1_request *request, struct gate_answer *out)
{
	start(out);
	if (!site_read(&request->authority, 0, &out->site))
		return refuse(out, REFUSAL_BAD_REQUEST,
			      "the host of the CONNECT target is neither a name nor an address");
	return true;
}

/* The proxy itself takes absolute-form targets only. */
static bool read_forward_site(const struct http1_request *http, struct gate_answer *out)
{
	struct site host;

	out->default_port = SITE_PORT_HTTP;
	if (http->form != HTTP1_ABSOLUTE_FORM)
		return refuse(out, REFUSAL_NOT_A_PROXY_REQUEST,
			      "the request has no absolute URL, so it was meant for a server");
	if (!http1_text_is(http->scheme, "http"))
		return refuse(out, REFUSAL_SCHEME, "the URL's scheme is not http");
	if (!site_read(&http->authority, SITE_PORT_HTTP, &out->site))
		return refuse(out, REFUSAL_BAD_REQUEST,
			      "the URL's host is neither a name nor an address");
	if (http->has_host &&
	    (!site_read(&http->host, SITE_PORT_HTTP, &host) || !site_equals(&host, &out->site)))
		return refuse(out, REFUSAL_AUTHORITY, "the Host field is not the URL's host");
	return true;
}

static bool is_tunnel_authority(const struct http1_authority *authority, const struct site *tunnel)
{
	struct site site;

	/* Clients that leave the port out mean the connection's. */
	return site_read(authority, tunnel->port, &site) && site_equals(&site, tunnel);
}

static bool read_tunnel_site(const struct gate_request *request, struct gate_answer *out)
{
	const struct http1_request *http = request->http;

	out->site = *request->tunnel;
	out->default_port = request->tls ? SITE_PORT_HTTPS : SITE_PORT_HTTP;
	if (http->form == HTTP1_AUTHORITY_FORM)
		return refuse(out, REFUSAL_METHOD, "CONNECT is refused inside a tunnel");
	if (http->form == HTTP1_ASTERISK_FORM)
		return refuse(out, REFUSAL_BAD_REQUEST,
			      "OPTIONS * has no path that a rule could name");
	if (http->has_host && !is_tunnel_authority(&http->host, request->tunnel))
		return refuse(out, REFUSAL_AUTHORITY,
			      "the Host field is not the host that the tunnel was opened to");
	if (http->form == HTTP1_ABSOLUTE_FORM &&
	    (!is_tunnel_authority(&http->authority, request->tunnel) ||
	     !http1_text_is(http->scheme, request->tls ? "https" : "http")))
		return refuse(out, REFUSAL_AUTHORITY,
			      "the URL is not of the host that the tunnel was opened to");
	return true;
}

static bool read_path(const struct http1_request *http, struct gate_answer *out)
{
	struct err err = { 0 };

	if (canon_target(http->path, out->decision.encoded_slash, &out->target, &err) == 0)
		return true;
	return refuse(out, REFUSAL_BAD_REQUEST, err.msg);
}

/* The request that an override makes of this one has to be allowed as well. What is sent is decided on by what is
 * sent, so only the verdict counts. */
static bool decide_also(const struct gate *gate, const struct policy_request *question,
			struct gate_answer *out)
{
	struct policy_decision sent = out->decision;

	out->decision = policy_decide_request(gate->policy, question);
	if (out->decision.verdict == POLICY_ALLOW && !out->decision.audited) {
		out->decision = sent;
		return true;
	}
	if (!conclude(question, out))
		return false;
	out->decision = sent;
	out->decision.audited = true;
	return true;
}

/* What the fields of one request offer in place of its method and target. */
struct overrides {
	char methods[HTTP_OVERRIDES_MAX][HTTP1_METHOD_MAX + 1];
	struct canon_target targets[HTTP_OVERRIDES_MAX];
	size_t n_methods, n_targets;
};

static bool read_other_method(struct slice value, struct overrides *to, struct gate_answer *out)
{
	if (to->n_methods < HTTP_OVERRIDES_MAX &&
	    http_override_method(value, to->methods[to->n_methods])) {
		to->n_methods++;
		return true;
	}
	return refuse(out, REFUSAL_BAD_REQUEST,
		      "a field that some servers take the method from holds none, or there are too "
		      "many of them");
}

static bool read_other_target(struct slice value, struct overrides *to, struct gate_answer *out)
{
	struct err err = { 0 };

	if (to->n_targets < HTTP_OVERRIDES_MAX &&
	    canon_target(value, out->decision.encoded_slash, &to->targets[to->n_targets], &err) ==
		    0) {
		to->n_targets++;
		return true;
	}
	return refuse(out, REFUSAL_BAD_REQUEST,
		      "a field that some servers take the path from holds none that can be decided "
		      "on, or there are too many of them");
}

static bool read_overrides(const struct http1_head *head, struct overrides *to,
			   struct gate_answer *out)
{
	bool good = true;

	for (size_t i = 0; i < head->n_fields && good; i++) {
		const struct http1_field *field = &head->fields[i];
		enum http_override kind = http_override_of(field);

		if (kind == HTTP_OVERRIDE_METHOD)
			good = read_other_method(field->value, to, out);
		else if (kind == HTTP_OVERRIDE_TARGET)
			good = read_other_target(field->value, to, out);
	}
	return good;
}

/* A server may take either from a field, or both: 0 is what was sent. */
static bool decide_pair(const struct gate *gate, struct policy_request question,
			const struct overrides *others, size_t method, size_t target,
			struct gate_answer *out)
{
	if (method > 0)
		question.method = slice_text(others->methods[method - 1]);
	if (target > 0) {
		const struct canon_target *other = &others->targets[target - 1];

		question.path = (struct slice){ (const uint8_t *)other->path, other->path_n };
		question.query = other->query;
	}
	return decide_also(gate, &question, out);
}

static bool decide_overrides(const struct gate *gate, const struct http1_head *head,
			     const struct policy_request *question, struct gate_answer *out)
{
	struct overrides others;
	bool allowed = true;

	others.n_methods = others.n_targets = 0;
	if (!read_overrides(head, &others, out))
		return false;
	for (size_t m = 0; m <= others.n_methods; m++)
		for (size_t t = m == 0 ? 1 : 0; allowed && t <= others.n_targets; t++)
			allowed = decide_pair(gate, *question, &others, m, t, out);
	return allowed;
}

/* A WebSocket is decided on as the GET that asks for it; what else Upgrade offers would be a tunnel that
 * nobody decided on. */
static void read_upgrade(const struct http1_request *http, struct gate_answer *out)
{
	struct http1_offer offer = http1_request_offer(http);
	struct err err = { 0 };

	out->websocket = offer.websocket;
	if (offer.websocket && websocket_read_request(http, out->accept, &err) == -1)
		refuse(out, REFUSAL_BAD_REQUEST, err.msg);
	else if (!offer.websocket && offer.other)
		refuse(out, REFUSAL_UPGRADE,
		       "the request asks to go on with a protocol that is not WebSocket");
}

void gate_decide(const struct gate *gate, const struct gate_request *request,
		 struct gate_answer *out)
{
	const struct http1_request *http = request->http;

	start(out);
	if (request->tunnel != NULL ? !read_tunnel_site(request, out)
				    : !read_forward_site(http, out))
		return;
	struct policy_request question = gate_question(gate->program, &out->site);
	out->decision = policy_decide_connect(gate->policy, &question);
	/* A denied connection says so, whatever the path is. */
	if (out->decision.verdict == POLICY_ALLOW && !read_path(http, out))
		return;
	question.method = http->method;
	question.path = (struct slice){ (const uint8_t *)out->target.path, out->target.path_n };
	question.query = out->target.query;
	if (out->decision.verdict == POLICY_ALLOW)
		out->decision = policy_decide_request(gate->policy, &question);
	if (conclude(&question, out) &&
	    (!out->decision.inspect || decide_overrides(gate, &http->head, &question, out)))
		read_upgrade(http, out);
}
