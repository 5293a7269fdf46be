/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "policy/policy.h"
#include "tests/support/policy_random.h"

static const char policy_text[] =
	"version: 1\n"
	"network_policies:\n"
	"  a:\n"
	"    endpoints:\n"
	"      - {host: api.test.com, port: 443, protocol: rest, rules: [\n"
	"          {allow: {method: GET, path: /x, query: {q: '1'}}}, {allow: {method: POST, path: "
	"/y}}]}\n"
	"      - {host: api.test.com, port: 80, protocol: rest, path: /p/**, access: read-only}\n"
	"      - {host: '*.test.com', port: 8080}\n"
	"      - {port: 5432, allowed_ips: [10.0.0.0/8]}\n"
	"    binaries: [{path: /bin/a}]\n"
	"  nobody:\n"
	"    endpoints: [{host: far.org, port: 443}]\n";

static const struct {
	const char *host;
	uint16_t port;
	const char *binary, *method, *path;
	const char *endpoint, *rule, *why; /* of the nearest; NULL: nothing is near */
} cases[] = {
	{ "api.test.com", 443, "/bin/a", "GET", "/x", "a.endpoints[0]", "GET /x (with a query)",
	  "query key" },
	{ "api.test.com", 443, "/bin/a", "PUT", "/y", "a.endpoints[0]", "POST /y",
	  "is for method" },
	{ "api.test.com", 443, "/bin/a", "GET", "/z", "a.endpoints[0]", "GET /x (with a query)",
	  "path does not match" },
	{ "api.test.com", 80, "/bin/a", "GET", "/z", "a.endpoints[1]", NULL, "`path`" },
	{ "api.test.com", 80, "/bin/a", "PUT", "/p/z", "a.endpoints[1]", "access read-only",
	  "does not include method 'PUT'" },
	{ "api.test.com", 443, "/bin/b", "GET", "/x", "a.endpoints[0]", NULL,
	  "not among the policy's binaries ('/bin/a')" },
	{ "api.test.com", 81, "/bin/a", NULL, NULL, "a.endpoints[0]", NULL, "is for port 443" },
	{ "web.test.com", 443, "/bin/a", NULL, NULL, "a.endpoints[2]", NULL, "is for port 8080" },
	{ "test.com", 8080, "/bin/a", NULL, NULL, "a.endpoints[2]", NULL, "is for host" },
	{ "any.where", 5432, "/bin/b", NULL, NULL, "a.endpoints[3]", NULL, "not among" },
	{ "far.org", 443, "/bin/a", NULL, NULL, "nobody.endpoints[0]", NULL, "no `binaries`" },
	{ "any.where", 1, "/bin/a", NULL, NULL, NULL, NULL, NULL },
	{ "not a host", 1, "/bin/a", NULL, NULL, NULL, NULL, NULL },
};

START_TEST(the_nearest_follows_the_table)
{
	AUTO(policy_problems_done) struct policy_problems problems = { 0 };
	AUTO(policy_free_slot)
	struct policy *policy = policy_parse(slice_text(policy_text), &problems);
	struct policy_near near[POLICY_NEAR_MAX];
	struct policy_request request = {
		.host = slice_text(cases[_i].host),
		.port = cases[_i].port,
		.binary = cases[_i].binary,
	};
	char place[60];

	ck_assert_ptr_nonnull(policy);
	if (cases[_i].method != NULL) {
		request.method = slice_text(cases[_i].method);
		request.path = slice_text(cases[_i].path);
	}
	size_t n = policy_find_near(policy, &request, near);
	if (cases[_i].endpoint == NULL) {
		ck_assert_uint_eq(n, 0);
		return;
	}
	ck_assert_uint_gt(n, 0);
	snprintf(place, sizeof(place), "network_policies.%s", cases[_i].endpoint);
	ck_assert_str_eq(near[0].endpoint, place);
	ck_assert_pstr_eq(near[0].rule, cases[_i].rule);
	ck_assert_msg(strstr(near[0].why, cases[_i].why) != NULL, "%s", near[0].why);
}
END_TEST

START_TEST(the_nearest_come_first)
{
	for (uint32_t i = 0; i < 100; i++) {
		AUTO(policy_problems_done) struct policy_problems problems = { 0 };
		AUTO(buf_done) struct buf text = buf_init(100000);
		struct policy_near near[POLICY_NEAR_MAX];
		uint32_t state = i + 1;
		struct random_request borrowed;

		random_policy_text(&state, false, &text);
		AUTO(policy_free_slot)
		struct policy *policy = policy_parse(buf_slice(&text), &problems);
		struct policy_request request = random_request_make(&state, &borrowed);
		size_t n = policy_find_near(policy, &request, near);

		for (size_t k = 1; k < n; k++)
			ck_assert_uint_le(near[k - 1].distance, near[k].distance);
	}
}
END_TEST

START_TEST(no_more_are_listed_than_fit)
{
	AUTO(policy_problems_done) struct policy_problems problems = { 0 };
	AUTO(buf_done) struct buf text = buf_init(100000);
	struct policy_near near[POLICY_NEAR_MAX];
	const struct policy_request request = {
		.host = slice_text("a.test"),
		.port = 1000,
		.relaxed_identity = true,
	};

	buf_puts(&text, "version: 1\nnetwork_policies:\n  a:\n    endpoints:\n");
	for (int i = 0; i < 2 * POLICY_NEAR_MAX; i++)
		buf_printf(&text, "    - {host: %s.test, port: %d}\n", i < 40 ? "a" : "b.a", i + 1);
	AUTO(policy_free_slot) struct policy *policy = policy_parse(buf_slice(&text), &problems);
	ck_assert_ptr_nonnull(policy);
	ck_assert_uint_eq(policy_find_near(policy, &request, near), POLICY_NEAR_MAX);
	ck_assert_str_eq(near[0].endpoint, "network_policies.a.endpoints[0]");
}
END_TEST

Suite *near_suite(void);

Suite *near_suite(void)
{
	Suite *suite = suite_create("near");
	TCase *tc = tcase_create("near");

	tcase_add_loop_test(tc, the_nearest_follows_the_table, 0, (int)ARRAY_LEN(cases));
	tcase_add_test(tc, the_nearest_come_first);
	tcase_add_test(tc, no_more_are_listed_than_fit);
	suite_add_tcase(suite, tc);
	return suite;
}
