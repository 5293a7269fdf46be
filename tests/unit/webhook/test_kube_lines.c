/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "webhook/kube_lines.h"

enum { LINE_MAX_HERE = 8 };

static const char text[] = "one\n\ntwo\n12345678\nrest";

static int join(void *cls, struct slice line, struct err *err)
{
	struct buf *seen = cls;

	(void)err;
	ck_assert_uint_gt(line.n, 0);
	buf_put(seen, line.p, line.n);
	buf_puts(seen, "|");
	return 0;
}

static int refuse(void *cls, struct slice line, struct err *err)
{
	(void)cls;
	return err_set(err, ERR_INVALID, "%.*s", (int)line.n, (const char *)line.p);
}

START_TEST(lines_do_not_depend_on_how_they_come_in_pieces)
{
	struct slice whole = slice_text(text);

	for (size_t first = 0; first <= whole.n; first++)
		for (size_t second = first; second <= whole.n; second++) {
			const size_t cuts[] = { 0, first, second, whole.n };
			struct buf seen = buf_init(100);
			struct kube_lines lines = { buf_init(LINE_MAX_HERE), join, &seen };
			struct err err = { 0 };

			for (size_t i = 0; i < 3; i++) {
				struct slice piece = { whole.p + cuts[i], cuts[i + 1] - cuts[i] };

				ck_assert_int_eq(kube_lines_feed(&lines, piece, &err), 0);
			}
			ck_assert_str_eq(buf_text(&seen), "one|two|12345678|");
			ck_assert_str_eq(buf_text(&lines.partial), "rest");
			buf_done(&lines.partial);
			buf_done(&seen);
		}
}
END_TEST

START_TEST(a_line_that_is_too_long_ends_the_stream)
{
	static const char *const pieces[][2] = { { "123456789\n", "" },
						 { "12345", "6789" },
						 { "12345", "6789\n" } };

	for (size_t i = 0; i < 3; i++) {
		struct buf seen = buf_init(100);
		struct kube_lines lines = { buf_init(LINE_MAX_HERE), join, &seen };
		struct err err = { 0 };
		int result = kube_lines_feed(&lines, slice_text(pieces[i][0]), &err);

		if (result == 0)
			result = kube_lines_feed(&lines, slice_text(pieces[i][1]), &err);
		ck_assert_int_eq(result, -1);
		ck_assert_int_eq(err.code, ERR_LIMIT);
		ck_assert_uint_eq(seen.n, 0);
		buf_done(&lines.partial);
		buf_done(&seen);
	}
}
END_TEST

START_TEST(whoever_takes_the_lines_may_end_the_stream)
{
	struct kube_lines lines = { buf_init(LINE_MAX_HERE), refuse, NULL };
	struct err err = { 0 };

	ck_assert_int_eq(kube_lines_feed(&lines, slice_text("a\nb\n"), &err), -1);
	ck_assert_str_eq(err.msg, "a");
	buf_done(&lines.partial);
}
END_TEST

Suite *kube_lines_suite(void);
Suite *kube_lines_suite(void)
{
	Suite *suite = suite_create("kube_lines");
	TCase *each = tcase_create("kube_lines");

	tcase_add_test(each, lines_do_not_depend_on_how_they_come_in_pieces);
	tcase_add_test(each, a_line_that_is_too_long_ends_the_stream);
	tcase_add_test(each, whoever_takes_the_lines_may_end_the_stream);
	suite_add_tcase(suite, each);
	return suite;
}
