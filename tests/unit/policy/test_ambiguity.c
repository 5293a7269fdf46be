/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints that one connection or request could meet must not contradict each other. */
#include <check.h>

#include "lib/cleanup.h"
#include "policy/policy.h"

#define REST ", protocol: rest, access: full"

static const struct {
	const char *a, *b; /* fields of two endpoints, in two policies */
	const char *field; /* NULL: they go together */
} cases[] = {
	{ "host: x.com, port: 1", "host: x.com, port: 1, tls: skip", "`tls`" },
	{ "host: x.com, port: 1", "host: x.com, port: 2, tls: skip", NULL },
	{ "host: x.com, ports: [3, 1]", "host: x.com, ports: [2, 3], tls: skip", "`tls`" },
	{ "host: x.com, port: 1", "host: y.com, port: 1, tls: skip", NULL },
	{ "host: x.com, port: 1", "host: X.com, port: 1, tls: skip", "`tls`" },
	{ "host: a.x.com, port: 1", "host: '*.x.com', port: 1, tls: skip", "`tls`" },
	{ "host: a.x.com, port: 1", "host: '**.x.com', port: 1, tls: skip", "`tls`" },
	{ "host: a.x.com, port: 1", "host: 'a*.x.com', port: 1, tls: skip", "`tls`" },
	{ "host: b.x.com, port: 1", "host: 'a*.x.com', port: 1, tls: skip", NULL },
	{ "host: x.com, port: 1", "host: '*.x.com', port: 1, tls: skip", NULL },
	{ "host: '*.x.com', port: 1", "host: '**.x.com', port: 1, tls: skip", "`tls`" },
	{ "host: 'a*.x.com', port: 1", "host: '*b.x.com', port: 1, tls: skip", "`tls`" },
	{ "host: 'a*.x.com', port: 1", "host: 'b*.x.com', port: 1, tls: skip", NULL },
	{ "host: '*.a.x.com', port: 1", "host: '**.x.com', port: 1, tls: skip", "`tls`" },
	{ "host: '*.a.x.com', port: 1", "host: '*.x.com', port: 1, tls: skip", NULL },
	{ "host: 'a.*.x.com', port: 1", "host: '*.b.x.com', port: 1, tls: skip", "`tls`" },
	{ "port: 1, allowed_ips: [10.0.0.1]", "host: x.com, port: 1", "`allowed_ips`" },
	{ "port: 1, allowed_ips: [10.0.0.1]", "host: '*.x.com', port: 1", "`allowed_ips`" },
	{ "port: 1, allowed_ips: [10.0.0.1]", "port: 1, allowed_ips: [10.0.0.2]", "`allowed_ips`" },
	{ "port: 1, allowed_ips: [10.0.0.1]", "port: 2, allowed_ips: [10.0.0.2]", NULL },
	{ "port: 1, allowed_ips: [10.0.0.1, 10.0.0.2]",
	  "host: x.com, port: 1, allowed_ips: [10.0.0.2, 10.0.0.1/32, 10.0.0.2]", NULL },
	{ "host: x.com, port: 1" REST, "host: x.com, port: 1" REST ", enforcement: audit",
	  "`enforcement`" },
	{ "host: x.com, port: 1" REST, "host: '*.x.com', port: 1" REST ", enforcement: audit",
	  NULL },
	{ "host: a.x.com, port: 1" REST,
	  "host: '*.x.com', port: 1" REST ", allow_encoded_slash: true", "`allow_encoded_slash`" },
	{ "host: x.com, port: 1", "host: x.com, port: 1" REST ", enforcement: audit", NULL },
	{ "host: x.com, port: 1" REST ", path: /a/**",
	  "host: x.com, port: 1" REST ", path: /b/**, enforcement: audit", NULL },
	{ "host: x.com, port: 1" REST ", path: /a/**",
	  "host: x.com, port: 1" REST ", path: /*/a, enforcement: audit", "`enforcement`" },
	{ "host: x.com, port: 1" REST ", path: /a/**",
	  "host: x.com, port: 1" REST ", path: /a/b/**, enforcement: audit", NULL },
	{ "host: x.com, port: 1" REST,
	  "host: x.com, port: 1" REST ", path: '**', enforcement: audit", "`enforcement`" },
};

static void check_pair(const char *a, const char *b, const char *field)
{
	AUTO(policy_problems_done) struct policy_problems problems = { 0 };
	AUTO(buf_done) struct buf text = buf_init(10000);

	buf_printf(
		&text,
		"version: 1\nnetwork_policies:\n p:\n  endpoints:\n   - {%s}\n q:\n  endpoints:\n"
		"   - {%s}\n",
		a, b);
	AUTO(policy_free_slot) struct policy *policy = policy_parse(buf_slice(&text), &problems);
	if (field == NULL) {
		ck_assert_msg(policy != NULL, "%s\n%s", buf_text(&text),
			      problems.n > 0 ? problems.items[0].text : "");
		return;
	}
	ck_assert_msg(policy == NULL, "%s", buf_text(&text));
	ck_assert_uint_eq(problems.n, 1);
	ck_assert_uint_eq(problems.items[0].line, 8);
	ck_assert_str_eq(problems.items[0].place, "network_policies.q.endpoints[0]");
	ck_assert_msg(strstr(problems.items[0].text, field) != NULL &&
			      strstr(problems.items[0].text, "network_policies.p.endpoints[0]") !=
				      NULL,
		      "%s", problems.items[0].text);
}

START_TEST(contradictions_are_found_whichever_stands_first)
{
	check_pair(cases[_i].a, cases[_i].b, cases[_i].field);
	check_pair(cases[_i].b, cases[_i].a, cases[_i].field);
}
END_TEST

START_TEST(endpoints_that_are_wrong_themselves_are_not_compared)
{
	AUTO(policy_problems_done) struct policy_problems problems = { 0 };

	ck_assert_ptr_null(policy_parse(
		slice_text("version: 1\nnetwork_policies: {p: {endpoints: [{host: x.com, port: 1},"
			   " {host: x.com, port: 1, tls: skip, access: full}]}}\n"),
		&problems));
	ck_assert_uint_eq(problems.n, 1);
}
END_TEST

Suite *ambiguity_suite(void);
Suite *ambiguity_suite(void)
{
	Suite *s = suite_create("ambiguity");
	TCase *tc = tcase_create("ambiguity");

	tcase_add_loop_test(tc, contradictions_are_found_whichever_stands_first, 0,
			    (int)ARRAY_LEN(cases));
	tcase_add_test(tc, endpoints_that_are_wrong_themselves_are_not_compared);
	suite_add_tcase(s, tc);
	return s;
}
