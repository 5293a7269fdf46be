/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "agent/proxy/http_gate.h"
#include "lib/cleanup.h"

static const char policy_text[] =
	"version: 1\n"
	"network_policies:\n"
	"  web:\n"
	"    endpoints:\n"
	"      - {host: web.test, port: 80, protocol: rest, enforcement: enforce, access: "
	"read-only}\n"
	"      - {host: web.test, port: 8080, protocol: rest, enforcement: enforce, access: "
	"read-only}\n"
	"      - {host: tls.test, port: 443, protocol: rest, enforcement: enforce, access: "
	"read-only}\n"
	"      - {host: slash.test, port: 80, protocol: rest, enforcement: enforce, access: full,\n"
	"         allow_encoded_slash: true}\n"
	"      - {host: audit.test, port: 80, protocol: rest, enforcement: audit, access: "
	"read-only}\n"
	"      - {host: raw.test, port: 80}\n"
	"      - host: rules.test\n"
	"        port: 80\n"
	"        protocol: rest\n"
	"        rules: [{allow: {method: POST, path: /open/**}}, {allow: {method: GET, path: "
	"/**}}]\n"
	"        deny_rules: [{method: GET, path: /secret}]\n"
	"      - {host: \"2001:db8::1\", port: 80, protocol: rest, enforcement: enforce, access: "
	"full}\n"
	"    binaries: [{path: /usr/bin/curl}]\n";

static struct policy *policy;

static void make_policy(void)
{
	AUTO(policy_problems_done) struct policy_problems problems = { 0 };

	policy = policy_parse(slice_text(policy_text), &problems);
	ck_assert_msg(policy != NULL, "%s", problems.n > 0 ? problems.items[0].text : "");
}

static void free_policy(void)
{
	policy_free(policy);
}

enum { OK = -1 };

static const struct {
	const char *tunnel; /* NULL: the proxy itself; else "host" */
	uint16_t port;
	bool tls;
	const char *target, *fields; /* `fields` without Host */
	const char *host; /* of the Host field; NULL for none, in HTTP/1.0 */
	int code; /* OK or a refusal */
	const char *path; /* canonical; of those that pass */
} cases[] = {
	{ NULL, 0, false, "http://web.test/a?b", "", "web.test", OK, "/a" },
	{ NULL, 0, false, "http://WEB.test.:80/a/../b", "", "web.TEST", OK, "/b" },
	{ NULL, 0, false, "http://web.test", "", "web.test:80", OK, "/" },
	{ NULL, 0, false, "http://web.test?x", "", "web.test", OK, "/" },
	{ NULL, 0, false, "http://web.test/a", "", NULL, OK, "/a" },
	{ NULL, 0, false, "http://web.test:8080/a", "", "web.test:8080", OK, "/a" },
	{ NULL, 0, false, "http://[2001:DB8:0::1]/a", "", "[2001:db8::1]", OK, "/a" },
	{ NULL, 0, false, "http://raw.test/a", "", "raw.test", OK, "/a" },
	{ NULL, 0, false, "http://audit.test/a", "X: POST\r\n", "audit.test", OK, "/a" },
	{ NULL, 0, false, "http://slash.test/a%2fb", "", "slash.test", OK, "/a%2Fb" },
	{ NULL, 0, false, "http://web.test/a%2fb", "", "web.test", REFUSAL_BAD_REQUEST, NULL },
	{ NULL, 0, false, "http://web.test/../a", "", "web.test", REFUSAL_BAD_REQUEST, NULL },
	{ NULL, 0, false, "http://web.test/%zz", "", "web.test", REFUSAL_BAD_REQUEST, NULL },
	{ NULL, 0, false, "/a", "", "web.test", REFUSAL_NOT_A_PROXY_REQUEST, NULL },
	{ NULL, 0, false, "https://tls.test/a", "", "tls.test", REFUSAL_SCHEME, NULL },
	{ NULL, 0, false, "ftp://web.test/a", "", "web.test", REFUSAL_SCHEME, NULL },
	{ NULL, 0, false, "http://127.1/a", "", "127.1", REFUSAL_BAD_REQUEST, NULL },
	{ NULL, 0, false, "http://0x7f000001/a", "", "web.test", REFUSAL_BAD_REQUEST, NULL },
	{ NULL, 0, false, "http://web.test/a", "", "web.test:8080", REFUSAL_AUTHORITY, NULL },
	{ NULL, 0, false, "http://web.test/a", "", "raw.test", REFUSAL_AUTHORITY, NULL },
	{ NULL, 0, false, "http://web.test:8080/a", "", "web.test", REFUSAL_AUTHORITY, NULL },
	{ NULL, 0, false, "http://web.test/a", "", "1.2", REFUSAL_AUTHORITY, NULL },
	{ NULL, 0, false, "http://other.test/a", "", "other.test", REFUSAL_POLICY, NULL },
	{ NULL, 0, false, "http://web.test:81/a", "", "web.test:81", REFUSAL_POLICY, NULL },
	/* A denied connection says so, whatever the path is. */
	{ NULL, 0, false, "http://other.test/%zz", "", "other.test", REFUSAL_POLICY, NULL },
	{ NULL, 0, false, "http://web.test/a", "Upgrade: websocket\r\nConnection: upgrade\r\n",
	  "web.test", REFUSAL_BAD_REQUEST, NULL },
	{ NULL, 0, false, "http://web.test/a",
	  "Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\n"
	  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
	  "web.test", OK, "/a" },
	{ NULL, 0, false, "http://web.test/a", "Upgrade: websocket\r\n", "web.test", OK, "/a" },
	{ NULL, 0, false, "http://web.test/a", "Upgrade: tcp\r\nConnection: upgrade\r\n",
	  "web.test", REFUSAL_UPGRADE, NULL },
	{ NULL, 0, false, "http://web.test/a", "Upgrade: tcp\r\n", "web.test", OK, "/a" },
	{ NULL, 0, false, "http://other.test/a", "Upgrade: websocket\r\nConnection: upgrade\r\n",
	  "other.test", REFUSAL_POLICY, NULL },
	{ NULL, 0, false, "http://web.test/a", "Upgrade: h2c\r\nConnection: upgrade\r\n",
	  "web.test", OK, "/a" },
	{ "web.test", 80, false, "/a", "", "web.test", OK, "/a" },
	{ "web.test", 80, false, "/a", "", NULL, OK, "/a" },
	{ "web.test", 8080, false, "/a", "", "web.test:8080", OK, "/a" },
	{ "web.test", 8080, false, "/a", "", "WEB.test.", OK, "/a" },
	{ "web.test", 80, false, "http://web.test/a", "", "web.test", OK, "/a" },
	{ "tls.test", 443, true, "/a", "", "tls.test", OK, "/a" },
	{ "tls.test", 443, true, "https://tls.test/a", "", "tls.test:443", OK, "/a" },
	{ "tls.test", 443, true, "http://tls.test:443/a", "", "tls.test", REFUSAL_AUTHORITY, NULL },
	{ "web.test", 80, false, "https://web.test/a", "", "web.test", REFUSAL_AUTHORITY, NULL },
	{ "web.test", 80, false, "http://raw.test/a", "", "web.test", REFUSAL_AUTHORITY, NULL },
	{ "web.test", 80, false, "/a", "", "raw.test", REFUSAL_AUTHORITY, NULL },
	{ "web.test", 80, false, "/a", "", "web.test:8080", REFUSAL_AUTHORITY, NULL },
	{ "web.test", 8080, false, "/a", "", "web.test:80", REFUSAL_AUTHORITY, NULL },
	{ "web.test", 80, false, "/a", "", "192.0.2.1", REFUSAL_AUTHORITY, NULL },
	{ "2001:db8::1", 80, false, "/a", "", "[2001:DB8::1]", OK, "/a" },
};

static void assert_parsed(const char *text, struct http1_request *out)
{
	enum http1_fault fault = HTTP1_FAULT_NONE;

	ck_assert_msg(http1_request_parse(slice_text(text), out, &fault) == PARSE_OK, "%s: %s",
		      text, http1_fault_text(fault));
}

static struct program curl(void)
{
	return (struct program){ .pid = 1, .binary = "/usr/bin/curl" };
}

START_TEST(a_request_passes_or_not_as_the_table_says)
{
	AUTO(buf_done) struct buf text = buf_init(4096);
	AUTO(gate_answer_done) struct gate_answer answer;
	struct program program = curl();
	struct gate gate = { policy, &program };
	struct http1_request http;
	struct site tunnel = { .port = cases[_i].port };
	struct gate_request request = { .http = &http, .tls = cases[_i].tls };

	buf_printf(&text, "GET %s HTTP/1.%d\r\n%s", cases[_i].target, cases[_i].host != NULL,
		   cases[_i].fields);
	if (cases[_i].host != NULL)
		buf_printf(&text, "Host: %s\r\n", cases[_i].host);
	buf_puts(&text, "\r\n");
	assert_parsed(buf_text(&text), &http);
	if (cases[_i].tunnel != NULL) {
		ck_assert(host_normalise(slice_text(cases[_i].tunnel), &tunnel.host));
		request.tunnel = &tunnel;
	}
	gate_decide(&gate, &request, &answer);
	ck_assert_msg(answer.allowed == (cases[_i].code == OK), "%s: %s", buf_text(&text),
		      buf_text(&answer.detail));
	if (answer.allowed) {
		ck_assert_str_eq(answer.target.path, cases[_i].path);
		return;
	}
	ck_assert_msg((int)answer.code == cases[_i].code, "%s: %s", buf_text(&text),
		      buf_text(&answer.detail));
	ck_assert_uint_gt(answer.detail.n, 0);
}
END_TEST

static const struct {
	const char *start;
	enum refusal_code code;
} tunnel_refusals[] = {
	{ "CONNECT web.test:80 HTTP/1.1\r\nHost: web.test\r\n\r\n", REFUSAL_METHOD },
	{ "OPTIONS * HTTP/1.1\r\nHost: web.test\r\n\r\n", REFUSAL_BAD_REQUEST },
	{ "POST /a HTTP/1.1\r\nHost: web.test\r\n\r\n", REFUSAL_POLICY },
};

START_TEST(a_tunnel_takes_requests_with_a_path_only)
{
	AUTO(gate_answer_done) struct gate_answer answer;
	struct program program = curl();
	struct gate gate = { policy, &program };
	struct http1_request http;
	struct site tunnel = { .port = 80 };

	ck_assert(host_normalise(slice_text("web.test"), &tunnel.host));
	assert_parsed(tunnel_refusals[_i].start, &http);
	gate_decide(&gate, &(struct gate_request){ &http, &tunnel, false }, &answer);
	ck_assert(!answer.allowed);
	ck_assert_int_eq(answer.code, tunnel_refusals[_i].code);
	ck_assert_int_eq(answer.rule_missing, answer.code == REFUSAL_POLICY);
}
END_TEST

START_TEST(who_asks_matters_unless_identity_is_relaxed)
{
	struct program programs[] = { { .binary = "/usr/bin/curl" },
				      { .binary = "/usr/bin/other" } };
	struct site site = { .port = 80 };

	ck_assert(host_normalise(slice_text("web.test"), &site.host));
	for (int i = 0; i < 3; i++) {
		AUTO(gate_answer_done) struct gate_answer answer;
		struct gate gate = { policy, i < 2 ? &programs[i] : NULL };

		gate_connect(&gate, &site, &answer);
		ck_assert_int_eq(answer.allowed, i != 1);
		if (i == 1) {
			ck_assert_int_eq(answer.code, REFUSAL_POLICY);
			ck_assert(!answer.rule_missing);
			ck_assert_str_eq(answer.decision.policy, "web");
		}
	}
}
END_TEST

static const struct {
	const char *line, *host, *fields;
	int code; /* OK or a refusal */
} overrides[] = {
	{ "POST /open/a", "rules.test", "", OK },
	{ "POST /open/a", "rules.test", "X-HTTP-Method-Override: GET\r\n", OK },
	{ "POST /open/a", "rules.test", "X-HTTP-Method-Override: post\r\n", OK },
	{ "POST /open/a", "rules.test", "X-HTTP-Method-Override: DELETE\r\n", REFUSAL_POLICY },
	{ "POST /open/a", "rules.test", "x-http-method-override: delete\r\n", REFUSAL_POLICY },
	{ "POST /open/a", "rules.test", "X_HTTP_METHOD_OVERRIDE: DELETE\r\n", REFUSAL_POLICY },
	{ "POST /open/a", "rules.test", "X-HTTP-Method: PUT\r\n", REFUSAL_POLICY },
	{ "POST /open/a", "rules.test", "X-Method-Override: PATCH\r\n", REFUSAL_POLICY },
	{ "POST /open/a", "rules.test", "X-Method-Override: GET\r\nX-Method-Override: DELETE\r\n",
	  REFUSAL_POLICY },
	{ "POST /open/a", "rules.test", "X-HTTP-Method-Override: DELETE, GET\r\n",
	  REFUSAL_BAD_REQUEST },
	{ "POST /open/a", "rules.test", "X-HTTP-Method-Override:\r\n", REFUSAL_BAD_REQUEST },
	{ "POST /open/a", "rules.test",
	  "X-HTTP-Method-Override: ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG\r\n", REFUSAL_BAD_REQUEST },
	/* Not sent on. */
	{ "POST /open/a", "rules.test", "X-HTTP-Method: PUT\r\nConnection: x-http-method\r\n", OK },
	{ "GET /open/a", "rules.test", "X-Original-URL: /b?c\r\n", OK },
	{ "GET /open/a", "rules.test", "X-Original-URL: /secret\r\n", REFUSAL_POLICY },
	{ "GET /open/a", "rules.test", "X-Rewrite-URL: /x/../%73ecret?a\r\n", REFUSAL_POLICY },
	{ "GET /open/a", "rules.test", "X-Rewrite-URL: http://rules.test/secret\r\n",
	  REFUSAL_BAD_REQUEST },
	/* Each alone is allowed, both together are not. */
	{ "GET /open/a", "rules.test", "X-Original-URL: /b\r\nX-Method-Override: GET\r\n", OK },
	{ "GET /open/a", "rules.test", "X-Method-Override: POST\r\n", OK },
	{ "GET /open/a", "rules.test", "X-Original-URL: /b\r\nX-Method-Override: POST\r\n",
	  REFUSAL_POLICY },
	{ "GET /open/a", "rules.test",
	  "X-Method: a\r\nX-HTTP-Method: GET\r\nX-Rewrite-URL: /open/c\r\nX-Original-URL: "
	  "/b\r\nX-Method-Override: POST\r\n",
	  REFUSAL_POLICY },
	{ "GET /open/a", "rules.test",
	  "X-Original-URL: /a\r\nX-Original-URL: /a\r\nX-Original-URL: /a\r\n"
	  "X-Original-URL: /a\r\nX-Original-URL: /a\r\n",
	  REFUSAL_BAD_REQUEST },
	{ "POST /a", "audit.test", "X-Method-Override: DELETE\r\n", OK },
	{ "POST /a", "raw.test", "X-Method-Override: DELETE, GET\r\n", OK },
	{ "POST /a", "slash.test", "X-Method-Override: DELETE\r\n", OK },
};

START_TEST(a_field_that_makes_another_request_of_it_is_decided_on_too)
{
	AUTO(buf_done) struct buf text = buf_init(4096);
	AUTO(gate_answer_done) struct gate_answer answer;
	struct program program = curl();
	struct gate gate = { policy, &program };
	struct http1_request http;
	struct site tunnel = { .port = 80 };

	ck_assert(host_normalise(slice_text(overrides[_i].host), &tunnel.host));
	buf_printf(&text, "%s HTTP/1.1\r\nHost: %s\r\n%s\r\n", overrides[_i].line,
		   overrides[_i].host, overrides[_i].fields);
	assert_parsed(buf_text(&text), &http);
	gate_decide(&gate, &(struct gate_request){ &http, &tunnel, false }, &answer);
	ck_assert_msg(answer.allowed == (overrides[_i].code == OK), "%s: %s", buf_text(&text),
		      buf_text(&answer.detail));
	if (!answer.allowed)
		ck_assert_msg((int)answer.code == overrides[_i].code, "%s: %s", buf_text(&text),
			      buf_text(&answer.detail));
}
END_TEST

START_TEST(another_request_that_is_only_audited_passes_with_its_reason)
{
	AUTO(gate_answer_done) struct gate_answer answer;
	struct program program = curl();
	struct gate gate = { policy, &program };
	struct http1_request http;

	assert_parsed("GET http://audit.test/a HTTP/1.1\r\nHost: audit.test\r\n"
		      "X-HTTP-Method-Override: DELETE\r\n\r\n",
		      &http);
	gate_decide(&gate, &(struct gate_request){ .http = &http }, &answer);
	ck_assert(answer.allowed && answer.decision.audited);
	ck_assert_ptr_nonnull(strstr(buf_text(&answer.detail), "DELETE"));
}
END_TEST

START_TEST(an_audited_denial_passes_with_its_reason)
{
	AUTO(gate_answer_done) struct gate_answer answer;
	struct program program = curl();
	struct gate gate = { policy, &program };
	struct http1_request http;

	assert_parsed("POST http://audit.test/a HTTP/1.1\r\nHost: audit.test\r\n\r\n", &http);
	gate_decide(&gate, &(struct gate_request){ .http = &http }, &answer);
	ck_assert(answer.allowed && answer.decision.audited);
	ck_assert_uint_gt(answer.detail.n, 0);
}
END_TEST

START_TEST(a_site_is_printed_as_a_host_field)
{
	static const struct {
		const char *host;
		uint16_t port, default_port;
		const char *want;
	} sites[] = {
		{ "a.test", 80, 80, "a.test" },
		{ "a.test", 443, 80, "a.test:443" },
		{ "a.test", 443, 443, "a.test" },
		{ "[2001:db8::1]", 80, 80, "[2001:db8::1]" },
		{ "2001:db8::1", 65535, 80, "[2001:db8::1]:65535" },
		{ "192.0.2.1", 8080, 80, "192.0.2.1:8080" },
	};

	for (size_t i = 0; i < ARRAY_LEN(sites); i++) {
		struct site site = { .port = sites[i].port };
		char text[SITE_TEXT_MAX];

		ck_assert(host_normalise(slice_text(sites[i].host), &site.host));
		site_print(&site, sites[i].default_port, text);
		ck_assert_str_eq(text, sites[i].want);
	}
}
END_TEST

Suite *proxy_gate_suite(void);
Suite *proxy_gate_suite(void)
{
	Suite *s = suite_create("proxy_gate");
	TCase *tc = tcase_create("proxy_gate");

	tcase_add_checked_fixture(tc, make_policy, free_policy);
	tcase_add_loop_test(tc, a_request_passes_or_not_as_the_table_says, 0,
			    (int)ARRAY_LEN(cases));
	tcase_add_loop_test(tc, a_tunnel_takes_requests_with_a_path_only, 0,
			    (int)ARRAY_LEN(tunnel_refusals));
	tcase_add_test(tc, who_asks_matters_unless_identity_is_relaxed);
	tcase_add_test(tc, an_audited_denial_passes_with_its_reason);
	tcase_add_loop_test(tc, a_field_that_makes_another_request_of_it_is_decided_on_too, 0,
			    (int)ARRAY_LEN(overrides));
	tcase_add_test(tc, another_request_that_is_only_audited_passes_with_its_reason);
	tcase_add_test(tc, a_site_is_printed_as_a_host_field);
	suite_add_tcase(s, tc);
	return s;
}
