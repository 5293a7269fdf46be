/* SPDX-License-Identifier: Apache-2.0 */
/* What a policy decides: named cases, and random policies against the reference. */
#include <check.h>
#include <stdio.h>

#include "lib/cleanup.h"
#include "tests/support/policy_random.h"
#include "tests/support/policy_reference.h"

static const char policy_text[] =
	"version: 1\n"
	"network_policies:\n"
	"  b_web:\n"
	"    endpoints:\n"
	"      - {host: api.example.com, port: 443, protocol: rest, rules: [\n"
	"          {allow: {method: GET, path: /repos/**}},\n"
	"          {allow: {method: POST, path: /repos/*/issues, query: {dry: 'tr*', v: {any: "
	"['1', '2']}}}}],\n"
	"         deny_rules: [{method: GET, path: /repos/secret/**}, {query: {force: 'yes'}}]}\n"
	"      - {host: '*.cdn.example.com', ports: [443, 8443]}\n"
	"      - {host: '**.deep.example.com', port: 443}\n"
	"      - {host: 'img-*.example.com', port: 443}\n"
	"      - {host: ro.example.com, port: 80, protocol: rest, access: read-only}\n"
	"      - {host: rw.example.com, port: 80, protocol: rest, access: read-write}\n"
	"      - {host: full.example.com, port: 80, protocol: rest, access: full}\n"
	"      - {host: audit.example.com, port: 80, protocol: rest, access: read-only, "
	"enforcement: audit}\n"
	"      - {host: 192.0.2.7, port: 22}\n"
	"      - {port: 5432, allowed_ips: [10.1.0.0/16]}\n"
	"      - {host: parts.example.com, port: 80, protocol: rest, path: /a/**, access: "
	"read-only}\n"
	"      - {host: parts.example.com, port: 80, protocol: rest, path: /a/b/**, access: full,\n"
	"         allow_encoded_slash: true, enforcement: audit}\n"
	"      - {host: mixed.example.com, port: 80}\n"
	"      - {host: mixed.example.com, port: 80, protocol: rest, access: read-only}\n"
	"    binaries: [{path: /usr/bin/curl}, {path: '/opt/**/bin/*'}]\n"
	"  a_more:\n"
	"    endpoints:\n"
	"      - {host: api.example.com, port: 443, protocol: rest, access: full}\n"
	"    binaries: [{path: /usr/bin/git}]\n"
	"  c_nobody:\n"
	"    endpoints: [{host: nobody.example.com, port: 443}]\n"
	"    binaries: []\n";

#define CURL "/usr/bin/curl"

static const struct {
	const char *host;
	uint16_t port;
	const char *binary, *ancestor;
	const char *method, *target; /* NULL: only the connection */
	enum policy_verdict verdict;
	enum policy_reason reason;
	bool audited;
} cases[] = {
	/* Hosts and ports */
	{ "api.example.com", 443, CURL, NULL, NULL, NULL, POLICY_ALLOW, POLICY_REASON_ENDPOINT,
	  false },
	{ "API.Example.Com.", 443, CURL, NULL, NULL, NULL, POLICY_ALLOW, POLICY_REASON_ENDPOINT,
	  false },
	{ "api.example.com", 80, CURL, NULL, NULL, NULL, POLICY_DENY, POLICY_REASON_NO_ENDPOINT,
	  false },
	{ "example.com", 443, CURL, NULL, NULL, NULL, POLICY_DENY, POLICY_REASON_NO_ENDPOINT,
	  false },
	{ "x.cdn.example.com", 8443, CURL, NULL, NULL, NULL, POLICY_ALLOW, POLICY_REASON_ENDPOINT,
	  false },
	{ "x.y.cdn.example.com", 443, CURL, NULL, NULL, NULL, POLICY_DENY,
	  POLICY_REASON_NO_ENDPOINT, false },
	{ "cdn.example.com", 443, CURL, NULL, NULL, NULL, POLICY_DENY, POLICY_REASON_NO_ENDPOINT,
	  false },
	{ "x.y.deep.example.com", 443, CURL, NULL, NULL, NULL, POLICY_ALLOW, POLICY_REASON_ENDPOINT,
	  false },
	{ "deep.example.com", 443, CURL, NULL, NULL, NULL, POLICY_DENY, POLICY_REASON_NO_ENDPOINT,
	  false },
	{ "img-1.example.com", 443, CURL, NULL, NULL, NULL, POLICY_ALLOW, POLICY_REASON_ENDPOINT,
	  false },
	{ "img.example.com", 443, CURL, NULL, NULL, NULL, POLICY_DENY, POLICY_REASON_NO_ENDPOINT,
	  false },
	{ "::ffff:192.0.2.7", 22, CURL, NULL, NULL, NULL, POLICY_ALLOW, POLICY_REASON_ENDPOINT,
	  false },
	{ "anything.test", 5432, CURL, NULL, NULL, NULL, POLICY_ALLOW, POLICY_REASON_ENDPOINT,
	  false },
	{ "any thing", 5432, CURL, NULL, NULL, NULL, POLICY_DENY, POLICY_REASON_BAD_HOST, false },
	/* Programs */
	{ "api.example.com", 443, "/usr/bin/wget", NULL, NULL, NULL, POLICY_DENY,
	  POLICY_REASON_BINARY, false },
	{ "api.example.com", 443, NULL, NULL, NULL, NULL, POLICY_DENY, POLICY_REASON_BINARY,
	  false },
	{ "api.example.com", 443, NULL, CURL, NULL, NULL, POLICY_DENY, POLICY_REASON_BINARY,
	  false },
	{ "api.example.com", 443, "/usr/bin/wget", CURL, NULL, NULL, POLICY_ALLOW,
	  POLICY_REASON_ENDPOINT, false },
	{ "api.example.com", 443, "/opt/a/b/bin/x", NULL, NULL, NULL, POLICY_ALLOW,
	  POLICY_REASON_ENDPOINT, false },
	{ "api.example.com", 443, "/opt/a/bin/x/y", NULL, NULL, NULL, POLICY_DENY,
	  POLICY_REASON_BINARY, false },
	{ "nobody.example.com", 443, CURL, NULL, NULL, NULL, POLICY_DENY, POLICY_REASON_BINARY,
	  false },
	/* Rules */
	{ "api.example.com", 443, CURL, NULL, "GET", "/repos/x", POLICY_ALLOW, POLICY_REASON_RULE,
	  false },
	{ "api.example.com", 443, CURL, NULL, "head", "/repos/x", POLICY_ALLOW, POLICY_REASON_RULE,
	  false },
	{ "api.example.com", 443, CURL, NULL, "OPTIONS", "/repos/x", POLICY_DENY,
	  POLICY_REASON_NO_RULE, false },
	{ "api.example.com", 443, CURL, NULL, "GET", "/repos", POLICY_DENY, POLICY_REASON_NO_RULE,
	  false },
	{ "api.example.com", 443, CURL, NULL, "GET", "/repos/secret/x", POLICY_DENY,
	  POLICY_REASON_DENY_RULE, false },
	{ "api.example.com", 443, CURL, NULL, "HEAD", "/repos/secret/x", POLICY_DENY,
	  POLICY_REASON_DENY_RULE, false },
	{ "api.example.com", 443, CURL, NULL, "GET", "/repos/x/../secret/x", POLICY_DENY,
	  POLICY_REASON_DENY_RULE, false },
	{ "api.example.com", 443, CURL, NULL, "GET", "/repos/%73ecret/x", POLICY_DENY,
	  POLICY_REASON_DENY_RULE, false },
	{ "api.example.com", 443, CURL, NULL, "GET", "/repos/x?force=no&force=yes", POLICY_DENY,
	  POLICY_REASON_DENY_RULE, false },
	{ "api.example.com", 443, CURL, NULL, "GET", "/repos/x?force=no", POLICY_ALLOW,
	  POLICY_REASON_RULE, false },
	{ "api.example.com", 443, CURL, NULL, "POST", "/repos/x/issues?dry=true&v=2", POLICY_ALLOW,
	  POLICY_REASON_RULE, false },
	{ "api.example.com", 443, CURL, NULL, "POST", "/repos/x/issues?dry=true&v=2&z=1",
	  POLICY_ALLOW, POLICY_REASON_RULE, false },
	{ "api.example.com", 443, CURL, NULL, "POST", "/repos/x/issues?dry=true", POLICY_DENY,
	  POLICY_REASON_NO_RULE, false },
	{ "api.example.com", 443, CURL, NULL, "POST", "/repos/x/issues?dry=true&v=2&v=3",
	  POLICY_DENY, POLICY_REASON_NO_RULE, false },
	{ "api.example.com", 443, CURL, NULL, "POST", "/repos/x/issues?dry=true&v=%zz", POLICY_DENY,
	  POLICY_REASON_BAD_REQUEST, false },
	{ "api.example.com", 443, CURL, NULL, "GET POST", "/repos/x", POLICY_DENY,
	  POLICY_REASON_BAD_REQUEST, false },
	{ "api.example.com", 443, CURL, NULL, "", "/repos/x", POLICY_DENY,
	  POLICY_REASON_BAD_REQUEST, false },
	/* Presets */
	{ "ro.example.com", 80, CURL, NULL, "OPTIONS", "/", POLICY_ALLOW, POLICY_REASON_RULE,
	  false },
	{ "ro.example.com", 80, CURL, NULL, "POST", "/", POLICY_DENY, POLICY_REASON_NO_RULE,
	  false },
	{ "rw.example.com", 80, CURL, NULL, "PATCH", "/", POLICY_ALLOW, POLICY_REASON_RULE, false },
	{ "rw.example.com", 80, CURL, NULL, "DELETE", "/", POLICY_DENY, POLICY_REASON_NO_RULE,
	  false },
	{ "full.example.com", 80, CURL, NULL, "BREW", "/", POLICY_ALLOW, POLICY_REASON_RULE,
	  false },
	/* Audit lets through, and says why it would not have */
	{ "audit.example.com", 80, CURL, NULL, "GET", "/", POLICY_ALLOW, POLICY_REASON_RULE,
	  false },
	{ "audit.example.com", 80, CURL, NULL, "POST", "/", POLICY_ALLOW, POLICY_REASON_NO_RULE,
	  true },
	{ "audit.example.com", 80, "/x", NULL, "POST", "/", POLICY_DENY, POLICY_REASON_BINARY,
	  false },
	{ "audit.example.com", 80, CURL, NULL, "POST", "/?%", POLICY_DENY,
	  POLICY_REASON_BAD_REQUEST, false },
	/* Several endpoints of one host: the most specific path says how, any may allow */
	{ "parts.example.com", 80, CURL, NULL, "GET", "/a/x", POLICY_ALLOW, POLICY_REASON_RULE,
	  false },
	{ "parts.example.com", 80, CURL, NULL, "PUT", "/a/x", POLICY_DENY, POLICY_REASON_NO_RULE,
	  false },
	{ "parts.example.com", 80, CURL, NULL, "PUT", "/a/b/x", POLICY_ALLOW, POLICY_REASON_RULE,
	  false },
	{ "parts.example.com", 80, CURL, NULL, "GET", "/b", POLICY_DENY, POLICY_REASON_NO_PATH,
	  false },
	{ "parts.example.com", 80, CURL, NULL, "GET", "/a/b/x%2Fy", POLICY_ALLOW,
	  POLICY_REASON_RULE, false },
	{ "parts.example.com", 80, CURL, NULL, "GET", "/a/x%2Fy", POLICY_DENY,
	  POLICY_REASON_ENCODED_SLASH, false },
	/* An inspected endpoint is not opened up by one that is not */
	{ "mixed.example.com", 80, CURL, NULL, "GET", "/", POLICY_ALLOW, POLICY_REASON_RULE,
	  false },
	{ "mixed.example.com", 80, CURL, NULL, "POST", "/", POLICY_DENY, POLICY_REASON_NO_RULE,
	  false },
	{ "x.cdn.example.com", 443, CURL, NULL, "POST", "/", POLICY_ALLOW, POLICY_REASON_ENDPOINT,
	  false },
	/* Another policy's rules are for another policy's programs */
	{ "api.example.com", 443, "/usr/bin/git", NULL, "DELETE", "/x", POLICY_ALLOW,
	  POLICY_REASON_RULE, false },
	{ "api.example.com", 443, "/usr/bin/git", CURL, "GET", "/repos/secret/x", POLICY_DENY,
	  POLICY_REASON_DENY_RULE, false },
};

static struct policy *parse(const char *text)
{
	AUTO(policy_problems_done) struct policy_problems problems = { 0 };
	struct policy *policy = policy_parse(slice_text(text), &problems);

	ck_assert_msg(policy != NULL, "%s: %s", problems.n > 0 ? problems.items[0].place : "",
		      problems.n > 0 ? problems.items[0].text : "");
	return policy;
}

START_TEST(decisions_follow_the_table)
{
	AUTO(policy_free_slot) struct policy *policy = parse(policy_text);
	struct policy_request request = {
		.host = slice_text(cases[_i].host),
		.port = cases[_i].port,
		.binary = cases[_i].binary,
		.ancestors = &cases[_i].ancestor,
		.n_ancestors = cases[_i].ancestor != NULL,
	};
	struct policy_decision d;
	struct canon_target target;
	struct err err = { 0 };

	if (cases[_i].target == NULL) {
		d = policy_decide_connect(policy, &request);
	} else {
		ck_assert_int_eq(canon_target(slice_text(cases[_i].target), true, &target, &err),
				 0);
		request.method = slice_text(cases[_i].method);
		request.path = slice_text(target.path);
		request.query = target.query;
		ck_assert(reference_check(policy, &request));
		d = policy_decide_request(policy, &request);
	}
	AUTO(buf_done) struct buf why = buf_init(4096);
	policy_explain(&request, &d, &why);
	ck_assert_msg(d.verdict == cases[_i].verdict && d.reason == cases[_i].reason &&
			      d.audited == cases[_i].audited,
		      "%s %s%s: %s", cases[_i].host, d.verdict == POLICY_ALLOW ? "allow" : "deny",
		      d.audited ? " (audit)" : "", buf_text(&why));
	ck_assert_str_ne(buf_text(&why), "");
}
END_TEST

START_TEST(without_network_policies_nothing_is_allowed)
{
	AUTO(policy_free_slot) struct policy *policy = policy_default();
	struct policy_request request = {
		.host = slice_text("example.com"),
		.port = 443,
		.relaxed_identity = true,
	};
	struct policy_decision d = policy_decide_connect(policy, &request);

	ck_assert_int_eq(d.verdict, POLICY_DENY);
	ck_assert_int_eq(d.reason, POLICY_REASON_NO_NETWORK);
}
END_TEST

START_TEST(relaxed_identity_looks_at_no_binaries)
{
	AUTO(policy_free_slot) struct policy *policy = parse(policy_text);
	struct policy_request request = {
		.host = slice_text("nobody.example.com"),
		.port = 443,
		.relaxed_identity = true,
	};

	ck_assert_int_eq(policy_decide_connect(policy, &request).verdict, POLICY_ALLOW);
}
END_TEST

START_TEST(the_first_policy_by_name_is_reported)
{
	AUTO(policy_free_slot) struct policy *policy = parse(policy_text);
	struct policy_request request = {
		.host = slice_text("api.example.com"),
		.port = 443,
		.relaxed_identity = true,
		.method = slice_text("GET"),
		.path = slice_text("/repos/x"),
	};
	struct policy_decision d = policy_decide_request(policy, &request);

	ck_assert_str_eq(d.policy, "a_more");
	ck_assert_str_eq(d.endpoint, "network_policies.a_more.endpoints[0]");
	ck_assert_str_eq(d.rule, "access full");
	ck_assert(d.inspect && d.exact_host && !d.skip_tls);
}
END_TEST

START_TEST(address_lists_go_with_the_connection)
{
	AUTO(policy_free_slot) struct policy *policy = parse(policy_text);
	struct policy_request request = {
		.host = slice_text("db.internal"),
		.port = 5432,
		.binary = CURL,
	};
	struct policy_decision d = policy_decide_connect(policy, &request);
	struct address inside, outside;

	ck_assert(address_parse(slice_text("10.1.2.3"), &inside));
	ck_assert(address_parse(slice_text("10.2.2.3"), &outside));
	ck_assert_ptr_nonnull(d.allowed_ips);
	ck_assert(cidr_list_contains(d.allowed_ips, inside));
	ck_assert(!cidr_list_contains(d.allowed_ips, outside));
	ck_assert(!d.exact_host);
}
END_TEST

START_TEST(an_enforced_denial_is_not_softened_by_an_audited_path)
{
	AUTO(policy_free_slot)
	struct policy *policy = parse("version: 1\n"
				      "network_policies: {p: {endpoints: [\n"
				      " {host: a.example.com, port: 80, protocol: rest, access: "
				      "full, deny_rules: [{path: /x/y/**}]},\n"
				      " {host: a.example.com, port: 80, protocol: rest, access: "
				      "full, path: /x/**, enforcement: audit}]}}\n");
	struct policy_request request = {
		.host = slice_text("a.example.com"),
		.port = 80,
		.relaxed_identity = true,
		.method = slice_text("GET"),
		.path = slice_text("/x/y/z"),
	};
	struct policy_decision d = policy_decide_request(policy, &request);

	ck_assert_int_eq(d.verdict, POLICY_DENY);
	ck_assert(!d.audited);
	ck_assert(reference_check(policy, &request));
}
END_TEST

START_TEST(compiled_decisions_are_those_of_a_walk_over_all_endpoints)
{
	AUTO(buf_done) struct buf text = buf_init(100000);
	uint32_t state = (uint32_t)_i + 1;
	struct random_request asked;

	random_policy_text(&state, false, &text);
	AUTO(policy_free_slot) struct policy *policy = parse(buf_text(&text));
	for (int i = 0; i < 400; i++) {
		struct policy_request request = random_request_make(&state, &asked);

		ck_assert_msg(reference_check(policy, &request), "%s %s %s %s port %u",
			      (const char *)request.method.p, (const char *)request.host.p,
			      (const char *)request.path.p, (const char *)request.query.p,
			      request.port);
	}
}
END_TEST

START_TEST(ten_thousand_endpoints_are_all_found)
{
	AUTO(buf_done) struct buf text = buf_init(POLICY_TEXT_MAX);

	buf_puts(&text, "version: 1\nnetwork_policies:\n p:\n  endpoints:\n");
	for (int i = 0; i < 10000; i++)
		buf_printf(&text, "  - {host: '%s%d.example.com', port: %d}\n",
			   i % 2 == 0 ? "h" : "*.h", i, 1 + i % 7);
	AUTO(policy_free_slot) struct policy *policy = parse(buf_text(&text));
	ck_assert_uint_eq(policy->n_endpoints, 10000);
	for (int i = 0; i < 10000; i++) {
		char host[40], place[60];
		struct policy_request request = {
			.port = (uint16_t)(1 + i % 7),
			.relaxed_identity = true,
		};

		snprintf(host, sizeof(host), "%s%d.example.com", i % 2 == 0 ? "h" : "x.h", i);
		snprintf(place, sizeof(place), "network_policies.p.endpoints[%d]", i);
		request.host = slice_text(host);
		ck_assert_str_eq(policy_decide_connect(policy, &request).endpoint, place);
		request.port += 10;
		ck_assert_int_eq(policy_decide_connect(policy, &request).verdict, POLICY_DENY);
	}
}
END_TEST

Suite *decide_suite(void);
Suite *decide_suite(void)
{
	Suite *s = suite_create("decide");
	TCase *tc = tcase_create("decide");

	tcase_add_loop_test(tc, decisions_follow_the_table, 0, (int)ARRAY_LEN(cases));
	tcase_add_test(tc, without_network_policies_nothing_is_allowed);
	tcase_add_test(tc, relaxed_identity_looks_at_no_binaries);
	tcase_add_test(tc, the_first_policy_by_name_is_reported);
	tcase_add_test(tc, address_lists_go_with_the_connection);
	tcase_add_test(tc, an_enforced_denial_is_not_softened_by_an_audited_path);
	tcase_add_loop_test(tc, compiled_decisions_are_those_of_a_walk_over_all_endpoints, 0, 100);
	tcase_add_test(tc, ten_thousand_endpoints_are_all_found);
	suite_add_tcase(s, tc);
	return s;
}
