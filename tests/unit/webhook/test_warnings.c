/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "agent/workload_env.h"
#include "lib/cleanup.h"
#include "lib/mem.h"
#include "webhook/warnings.h"

static size_t warnings_for(json_t *env, struct findings *findings)
{
	AUTO(json_drop)
	json_t *container = json_pack("{s:s, s:o}", "name", "app", "env", env);

	*findings = (struct findings){ 0 };
	warn_of_container(container, findings);
	ck_assert(!findings_denied(findings));
	return findings->n_warnings;
}

START_TEST(every_variable_that_the_agent_sets_is_warned_of)
{
	char **set = workload_env("http://127.0.0.1:3128");
	static struct findings findings;
	int n = 0;

	for (; set[n] != NULL; n++) {
		*strchr(set[n], '=') = '\0';
		ck_assert_int_eq(warnings_for(json_pack("[{s:s}]", "name", set[n]), &findings), 1);
		ck_assert_msg(strstr(findings.warnings[0], set[n]) != NULL, "%s",
			      findings.warnings[0]);
		free(set[n]);
	}
	ck_assert_int_gt(n, 10);
	free(set);
}
END_TEST

START_TEST(other_variables_are_not)
{
	static struct findings findings;

	ck_assert_int_eq(warnings_for(json_pack("[{s:s},{s:s}]", "name", "HOME", "name",
						"HTTP_PROXY_PORT"),
				      &findings),
			 0);
}
END_TEST

START_TEST(a_container_is_warned_of_once)
{
	static struct findings findings;

	ck_assert_int_eq(warnings_for(json_pack("[{s:s},{s:s},{s:s}]", "name", "HOME", "name",
						"NO_PROXY", "name", "HTTPS_PROXY"),
				      &findings),
			 1);
	ck_assert_str_eq(
		findings.warnings[0],
		"the agent sets NO_PROXY and others itself: of no effect in container 'app'");
}
END_TEST

Suite *warnings_suite(void);
Suite *warnings_suite(void)
{
	Suite *s = suite_create("warnings");
	TCase *tc = tcase_create("warnings");

	tcase_add_test(tc, every_variable_that_the_agent_sets_is_warned_of);
	tcase_add_test(tc, other_variables_are_not);
	tcase_add_test(tc, a_container_is_warned_of_once);
	suite_add_tcase(s, tc);
	return s;
}
