/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/refusal.h"

#include <string.h>

#include "lib/cleanup.h"

static const struct {
	int status;
	const char *error;
	const char *action; /* what the reader can do, as a word and a sentence; NULL for nothing */
	const char *advice;
} codes[REFUSAL_CODES] = {
	[REFUSAL_BAD_REQUEST] = { 400, "bad_request" },
	[REFUSAL_NOT_A_PROXY_REQUEST] = { 400, "not_a_proxy_request", "configure_proxy",
					  "This is an HTTP proxy. Set HTTP_PROXY and HTTPS_PROXY "
					  "to its "
					  "URL, or give it to the program as its proxy." },
	[REFUSAL_SCHEME] = { 400, "unsupported_proxy_scheme", "use_connect",
			     "Only http:// URLs are taken in full; for https:// the client sends "
			     "CONNECT. Set HTTPS_PROXY besides HTTP_PROXY." },
	[REFUSAL_AUTHORITY] = { 403, "request_authority_mismatch" },
	[REFUSAL_POLICY] = { 403, "policy_denied", "change_policy",
			     "Ask the owner of the policy to allow this, if it is meant to be." },
	[REFUSAL_DESTINATION] = { 403, "ssrf_denied", "change_policy",
				  "If this destination is meant, name its host exactly in the "
				  "policy, or "
				  "list its addresses in the endpoint's allowed_ips." },
	[REFUSAL_PROTOCOL] = { 403, "unsupported_l7_protocol", "change_policy",
			       "The endpoint's requests are inspected, so only HTTP/1 passes, in "
			       "TLS or without. For other protocols use `tls: skip` or an endpoint "
			       "without `protocol`." },
	[REFUSAL_METHOD] = { 405, "method_not_allowed" },
	[REFUSAL_CREDENTIALS] = { 407, "proxy_authentication_required", "configure_proxy",
				  "This proxy serves one pod. Its URL, with user and password, "
				  "is in HTTP_PROXY there." },
	[REFUSAL_UPGRADE] = { 501, "upgrade_not_supported", "change_policy",
			      "Of the protocols that Upgrade can ask for only WebSocket passes. "
			      "For "
			      "others use `tls: skip` or an endpoint without `protocol`." },
	[REFUSAL_NO_NAME] = { 502, "name_not_resolved" },
	[REFUSAL_UNREACHABLE] = { 502, "upstream_unreachable" },
	[REFUSAL_UPSTREAM_PROXY] = { 502, "upstream_proxy_failed" },
	[REFUSAL_UPSTREAM] = { 502, "upstream_failed" },
	[REFUSAL_UPSTREAM_TLS] = { 502, "upstream_tls_failed" },
	[REFUSAL_TIMEOUT] = { 504, "upstream_timeout" },
	[REFUSAL_CLIENT] = { 400, "client_left" },
	[REFUSAL_CLIENT_TIMEOUT] = { 408, "request_timeout" },
	[REFUSAL_FULL] = { 503, "proxy_full", "retry",
			   "Too many connections are open. Close some, or try again later." },
	[REFUSAL_TLS_UNAVAILABLE] = { 503, "tls_termination_unavailable" },
};

static const struct {
	int status;
	const char *text;
} reasons[] = {
	{ 400, "Bad Request" },
	{ 403, "Forbidden" },
	{ 405, "Method Not Allowed" },
	{ 407, "Proxy Authentication Required" },
	{ 408, "Request Timeout" },
	{ 414, "URI Too Long" },
	{ 417, "Expectation Failed" },
	{ 431, "Request Header Fields Too Large" },
	{ 501, "Not Implemented" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
	{ 505, "HTTP Version Not Supported" },
};

const char *refusal_error(enum refusal_code code)
{
	return codes[code].error;
}

int refusal_status(enum refusal_code code)
{
	return codes[code].status;
}

bool refusal_is_failure(enum refusal_code code)
{
	return code >= REFUSAL_NO_NAME;
}

static const char *reason_of(int status)
{
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return "Error";
}

static void put_text(struct buf *out, const char *key, const char *value)
{
	buf_printf(out, ",\"%s\":", key);
	if (value != NULL)
		buf_put_json(out, slice_text(value));
	else
		buf_puts(out, "null");
}

static void put_slice(struct buf *out, const char *key, struct slice value)
{
	buf_printf(out, ",\"%s\":", key);
	if (value.p != NULL)
		buf_put_json(out, value);
	else
		buf_puts(out, "null");
}

/* What was asked, in the words of a policy. */
static void put_asked(const struct refusal *r, struct buf *out)
{
	buf_printf(out, ",\"layer\":\"%s\"", r->l7 ? "l7" : "l4");
	if (r->l7) {
		put_slice(out, "method", r->method);
		put_slice(out, "path", r->path);
	}
	put_slice(out, "host", r->host);
	if (r->port != 0)
		buf_printf(out, ",\"port\":%u", r->port);
	else
		buf_puts(out, ",\"port\":null");
	put_text(out, "binary", r->binary);
}

static void put_rule(const struct refusal *r, struct buf *out)
{
	AUTO(buf_done) struct buf rule = buf_init(REFUSAL_BODY_MAX);

	if (!r->l7 || r->path.p == NULL) {
		buf_puts(out, ",\"rule\":null");
		return;
	}
	buf_put(&rule, r->method.p, r->method.n);
	buf_puts(&rule, " ");
	buf_put(&rule, r->path.p, r->path.n);
	put_slice(out, "rule", buf_slice(&rule));
}

static void put_body(const struct refusal *r, struct buf *out)
{
	buf_printf(out, "{\"error\":\"%s\"", codes[r->code].error);
	put_text(out, "policy", r->policy);
	put_rule(r, out);
	put_text(out, "detail", r->detail);
	put_text(out, "protocol", r->l7 ? "rest" : NULL);
	put_asked(r, out);
	buf_puts(out, ",\"rule_missing\":");
	if (r->rule_missing) {
		buf_printf(out, "{\"type\":\"%s\"", r->l7 ? "rest_allow" : "endpoint");
		put_asked(r, out);
		buf_puts(out, "}");
	} else {
		buf_puts(out, "null");
	}
	buf_puts(out, ",\"next_steps\":[");
	if (codes[r->code].action != NULL) {
		buf_printf(out, "{\"action\":\"%s\"", codes[r->code].action);
		put_text(out, "detail", codes[r->code].advice);
		buf_puts(out, "}");
	}
	buf_puts(out, "]}\n");
}

/* The policy's name as a field value: it is the policy author's text, any character of YAML. */
static void put_policy_field(const char *policy, struct buf *out)
{
	buf_puts(out, "X-OpenShell-Policy: ");
	for (const char *c = policy; *c != '\0'; c++)
		buf_put(out, *c > 0x20 && *c < 0x7f ? c : "_", 1);
	buf_puts(out, "\r\n");
}

void refusal_write(const struct refusal *refusal, struct buf *out)
{
	AUTO(buf_done) struct buf body = buf_init(REFUSAL_BODY_MAX);
	int status = refusal->status != 0 ? refusal->status : codes[refusal->code].status;

	put_body(refusal, &body);
	buf_printf(out,
		   "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n",
		   status, reason_of(status), body.n);
	if (refusal->policy != NULL)
		put_policy_field(refusal->policy, out);
	if (status == 405)
		buf_puts(out, "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n");
	/* RFC 9110, 15.5.8: some clients name theirs only when they are asked. */
	if (status == 407)
		buf_puts(out, "Proxy-Authenticate: Basic realm=\"openshell\"\r\n");
	buf_puts(out, "Connection: close\r\n\r\n");
	if (!refusal->no_body)
		buf_put(out, body.p, body.n);
}
