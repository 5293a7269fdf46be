/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/check_report.h"

enum { TEXT_MAX = 1 << 20 };

START_TEST(a_row_has_state_subject_text_and_next_step)
{
	AUTO(check_report_done) struct check_report report = { 0 };
	AUTO(buf_done) struct buf out = buf_init(TEXT_MAX);

	check_add(&report, CHECK_OK, "label", "never shown", "set to %d", 1);
	check_add(&report, CHECK_MISSING, "namespace", "create it", "it does not exist");
	check_report_put(&report, &out);
	ck_assert_str_eq(buf_text(&out), "ok       label      set to 1\n"
					 "MISSING  namespace  it does not exist\n"
					 "                    -> create it\n");
}
END_TEST

START_TEST(what_others_wrote_cannot_break_a_row)
{
	AUTO(check_report_done) struct check_report report = { 0 };
	AUTO(buf_done) struct buf out = buf_init(TEXT_MAX);

	check_add(&report, CHECK_NOTE, "Deployment \033[2J", NULL, "a\nok       all is well");
	check_report_put(&report, &out);
	ck_assert_ptr_eq(strchr(buf_text(&out), '\n'), buf_text(&out) + out.n - 1);
	ck_assert_ptr_null(strchr(buf_text(&out), '\033'));
}
END_TEST

START_TEST(the_exit_status_is_of_the_worst_row)
{
	AUTO(check_report_done) struct check_report report = { 0 };

	ck_assert_int_eq(check_report_exit(&report), 0);
	check_add(&report, CHECK_OK, "a", NULL, "b");
	check_add(&report, CHECK_NOTE, "a", NULL, "b");
	ck_assert_int_eq(check_report_exit(&report), 0);
	check_add(&report, CHECK_UNKNOWN, "a", NULL, "b");
	ck_assert_int_eq(check_report_exit(&report), 3);
	check_add(&report, CHECK_MISSING, "a", NULL, "b");
	check_add(&report, CHECK_OK, "a", NULL, "b");
	ck_assert_int_eq(check_report_exit(&report), 1);
}
END_TEST

START_TEST(rows_and_texts_are_bounded_and_what_is_left_out_is_told)
{
	AUTO(check_report_done) struct check_report report = { 0 };
	AUTO(buf_done) struct buf out = buf_init(8 << 20);
	char text[2 * CHECK_TEXT_MAX];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < CHECK_ROWS_MAX + 3; i++)
		check_add(&report, CHECK_OK, text, NULL, "%s", text);
	check_report_put(&report, &out);
	ck_assert_uint_eq(report.n, CHECK_ROWS_MAX);
	ck_assert_uint_eq(strlen(report.rows[0].subject), CHECK_SUBJECT_MAX);
	ck_assert_uint_eq(strlen(report.rows[0].text), CHECK_TEXT_MAX);
	ck_assert_ptr_nonnull(strstr(buf_text(&out), "and 3 more\n"));
	ck_assert_int_eq(check_report_exit(&report), 3);
}
END_TEST

Suite *check_report_suite(void);
Suite *check_report_suite(void)
{
	Suite *suite = suite_create("check_report");
	TCase *each = tcase_create("check_report");

	tcase_add_test(each, a_row_has_state_subject_text_and_next_step);
	tcase_add_test(each, what_others_wrote_cannot_break_a_row);
	tcase_add_test(each, the_exit_status_is_of_the_worst_row);
	tcase_add_test(each, rows_and_texts_are_bounded_and_what_is_left_out_is_told);
	suite_add_tcase(suite, each);
	return suite;
}
