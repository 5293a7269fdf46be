/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "lib/cleanup.h"
#include "policy/match_host.h"
#include "policy/policy.h"

static const char text[] = "version: 1\n"
			   "network_policies:\n"
			   "  a:\n"
			   "    endpoints:\n"
			   "      - {host: api.test, port: 443}\n"
			   "      - {host: '*.wild.test', port: 443}\n"
			   "      - {host: one.wild.test, port: 80}\n"
			   "      - {host: '**.deep.test', port: 80}\n"
			   "      - {host: 192.0.2.7, port: 80}\n"
			   "    binaries: [{path: /usr/bin/curl}]\n";

static const struct {
	const char *host;
	enum policy_naming want;
} cases[] = {
	{ "api.test", POLICY_NAMED_EXACTLY },
	{ "api.test.default.svc.cluster.local", POLICY_NOT_NAMED },
	{ "x.api.test", POLICY_NOT_NAMED },
	{ "pi.test", POLICY_NOT_NAMED },
	{ "test", POLICY_NOT_NAMED },
	{ "two.wild.test", POLICY_NAMED_BY_WILDCARD },
	{ "one.wild.test", POLICY_NAMED_EXACTLY },
	{ "a.one.wild.test", POLICY_NOT_NAMED },
	{ "wild.test", POLICY_NOT_NAMED },
	{ "a.b.deep.test", POLICY_NAMED_BY_WILDCARD },
	{ "deep.test", POLICY_NOT_NAMED },
	{ "192.0.2.7", POLICY_NAMED_EXACTLY },
	{ "192.0.2.8", POLICY_NOT_NAMED },
};

static struct policy *parse(const char *policy)
{
	AUTO(policy_problems_done) struct policy_problems problems = { 0 };
	struct policy *parsed = policy_parse(slice_text(policy), &problems);

	ck_assert_msg(parsed != NULL, "%s", problems.n > 0 ? problems.items[0].text : "");
	return parsed;
}

static enum policy_naming ask(const struct policy *policy, const char *host)
{
	struct host_name name;

	ck_assert(host_normalise(slice_text(host), &name));
	return policy_naming(policy, &name);
}

START_TEST(a_host_is_named_as_the_table_says)
{
	AUTO(policy_free_slot) struct policy *policy = parse(text);

	ck_assert_msg(ask(policy, cases[_i].host) == cases[_i].want, "%s", cases[_i].host);
}
END_TEST

START_TEST(an_endpoint_by_address_alone_names_nobody)
{
	AUTO(policy_free_slot)
	struct policy *policy = parse("version: 1\n"
				      "network_policies:\n"
				      "  a:\n"
				      "    endpoints: [{port: 443, allowed_ips: [192.0.2.0/24]}]\n"
				      "    binaries: [{path: /usr/bin/curl}]\n");

	ck_assert_int_eq(ask(policy, "api.test"), POLICY_NOT_NAMED);
}
END_TEST

START_TEST(without_endpoints_nobody_is_named)
{
	AUTO(policy_free_slot) struct policy *policy = policy_default();

	ck_assert_int_eq(ask(policy, "api.test"), POLICY_NOT_NAMED);
}
END_TEST

Suite *naming_suite(void);
Suite *naming_suite(void)
{
	Suite *s = suite_create("naming");
	TCase *tc = tcase_create("naming");

	tcase_add_loop_test(tc, a_host_is_named_as_the_table_says, 0, ARRAY_LEN(cases));
	tcase_add_test(tc, an_endpoint_by_address_alone_names_nobody);
	tcase_add_test(tc, without_endpoints_nobody_is_named);
	suite_add_tcase(s, tc);
	return s;
}
