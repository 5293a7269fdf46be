/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/findings.h"

START_TEST(codes_ascend_so_none_is_used_twice)
{
	for (int i = 1; i < DENIAL_COUNT; i++)
		ck_assert_str_lt(denial_text((enum denial)(i - 1))->code,
				 denial_text((enum denial)i)->code);
}
END_TEST

START_TEST(every_denial_says_when_and_what_to_do)
{
	for (int i = 0; i < DENIAL_COUNT; i++) {
		const struct denial_text *text = denial_text((enum denial)i);

		ck_assert_uint_eq(strlen(text->code), strlen("OSW000"));
		ck_assert(text->status == 403 || text->status == 422);
		ck_assert_uint_gt(strlen(text->when), 0);
		ck_assert_uint_gt(strlen(text->remedy), 0);
		ck_assert_msg(strchr(text->remedy, ';') == NULL &&
				      strchr(text->when, '|') == NULL &&
				      strchr(text->remedy, '|') == NULL,
			      "%s would break a message or the table", text->code);
	}
}
END_TEST

START_TEST(a_message_names_every_problem_with_its_remedy)
{
	AUTO(buf_done) struct buf message = buf_init(4096);
	struct findings findings = { 0 };

	findings_deny(&findings, DENIAL_HOST_NETWORK, "pod uses %s", "hostNetwork");
	findings_deny(&findings, DENIAL_PRIVILEGED, "container '%s' is privileged", "a");
	findings_message(&findings, &message);
	ck_assert_str_eq(buf_text(&message),
			 "[OSW014] pod uses hostNetwork: remove it, or drop openshell.io/topology; "
			 "[OSW017] container 'a' is privileged: remove privileged");
}
END_TEST

START_TEST(what_was_said_already_is_not_said_again)
{
	struct findings findings = { 0 };

	findings_deny(&findings, DENIAL_HOST_PID, "pod uses %s", "x");
	findings_deny(&findings, DENIAL_HOST_IPC, "pod uses %s", "x");
	findings_deny(&findings, DENIAL_HOST_PID, "pod uses %s", "y");
	findings_deny(&findings, DENIAL_HOST_PID, "pod uses %s", "x");
	ck_assert_uint_eq(findings.n_denials, 3);
}
END_TEST

START_TEST(findings_are_bounded)
{
	AUTO(buf_done) struct buf message = buf_init(1 << 16);
	struct findings findings = { 0 };
	char text[1000];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < FINDINGS_DENIALS_MAX + 3; i++)
		findings_deny(&findings, DENIAL_HOST_PID, "%d %s", i, text);
	for (int i = 0; i < FINDINGS_WARNINGS_MAX + 3; i++)
		findings_warn(&findings, "%s", text);
	findings_message(&findings, &message);
	ck_assert_str_eq(buf_text(&message) + message.n - strlen("; and 3 more"), "; and 3 more");
	ck_assert_uint_eq(findings.n_warnings, FINDINGS_WARNINGS_MAX);
	ck_assert_uint_eq(strlen(findings.warnings[0]), FINDINGS_WARNING_MAX);
}
END_TEST

Suite *denials_suite(void);
Suite *denials_suite(void)
{
	Suite *suite = suite_create("denials");
	TCase *each = tcase_create("denials");

	tcase_add_test(each, codes_ascend_so_none_is_used_twice);
	tcase_add_test(each, every_denial_says_when_and_what_to_do);
	tcase_add_test(each, a_message_names_every_problem_with_its_remedy);
	tcase_add_test(each, what_was_said_already_is_not_said_again);
	tcase_add_test(each, findings_are_bounded);
	suite_add_tcase(suite, each);
	return suite;
}
