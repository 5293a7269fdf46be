/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/diff.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

Suite *diff_suite(void);

enum { OUT_MAX = 1 << 20 };

static const struct {
	const char *before, *after, *want;
} cases[] = {
	{ "", "", "" },
	{ "a\nb\n", "a\nb\n", "" },
	{ "", "a\n", "--- x\n+++ x\n@@ -0,0 +1,1 @@\n+a\n" },
	{ "a\n", "", "--- x\n+++ x\n@@ -1,1 +0,0 @@\n-a\n" },
	{ "a\nb\nc\n", "a\nB\nc\n", "--- x\n+++ x\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n" },
	{ "a", "a\n", "--- x\n+++ x\n@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+a\n" },
	{ "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n",
	  "--- x\n+++ x\n@@ -7,3 +7,4 @@\n 7\n 8\n 9\n+10\n" },
	/* Six lines between two changes are shown, seven are not. */
	{ "a\n1\n2\n3\n4\n5\n6\nb\n", "1\n2\n3\n4\n5\n6\n",
	  "--- x\n+++ x\n@@ -1,8 +1,6 @@\n-a\n 1\n 2\n 3\n 4\n 5\n 6\n-b\n" },
	{ "a\n1\n2\n3\n4\n5\n6\n7\nb\n", "1\n2\n3\n4\n5\n6\n7\n",
	  "--- x\n+++ x\n@@ -1,4 +1,3 @@\n-a\n 1\n 2\n 3\n@@ -6,4 +5,3 @@\n 5\n 6\n 7\n-b\n" },
};

START_TEST(two_texts_differ_as_the_table_says)
{
	AUTO(buf_done) struct buf out = buf_init(OUT_MAX);

	diff_unified(slice_text(cases[_i].before), slice_text(cases[_i].after), "x", &out);
	ck_assert_str_eq(buf_text(&out), cases[_i].want);
}
END_TEST

/* The next line with its newline; false at the end. */
static bool next_line(struct slice *left, struct slice *out)
{
	const uint8_t *end = left->n == 0 ? NULL : memchr(left->p, '\n', left->n);

	if (left->n == 0)
		return false;
	*out = (struct slice){ left->p, end == NULL ? left->n : (size_t)(end + 1 - left->p) };
	left->p += out->n;
	left->n -= out->n;
	return true;
}

/* As patch(1) without fuzz; every text of these tests ends in a newline. */
static void apply(struct slice before, struct slice diff, struct buf *out)
{
	struct slice line, old;
	size_t at = 0;

	while (next_line(&diff, &line)) {
		size_t from, n;

		if (line.p[0] == '@') {
			ck_assert_int_eq(sscanf((const char *)line.p, "@@ -%zu,%zu", &from, &n), 2);
			for (from -= n > 0; at < from && next_line(&before, &old); at++)
				buf_put(out, old.p, old.n);
		} else if (line.p[0] == '+' && line.p[1] != '+') {
			buf_put(out, line.p + 1, line.n - 1);
		} else if (line.p[0] == ' ' || (line.p[0] == '-' && line.p[1] != '-')) {
			ck_assert(next_line(&before, &old));
			ck_assert(old.n == line.n - 1 && memcmp(old.p, line.p + 1, old.n) == 0);
			at++;
			if (line.p[0] == ' ')
				buf_put(out, old.p, old.n);
		}
	}
	buf_put(out, before.p, before.n);
}

static void check_applies(const struct buf *before, const struct buf *after)
{
	AUTO(buf_done) struct buf diff = buf_init(OUT_MAX);
	AUTO(buf_done) struct buf got = buf_init(OUT_MAX);

	diff_unified(buf_slice(before), buf_slice(after), "x", &diff);
	apply(buf_slice(before), buf_slice(&diff), &got);
	ck_assert_str_eq(buf_text(&got), buf_text(after));
}

START_TEST(what_is_printed_leads_from_one_text_to_the_other)
{
	srand(7);
	for (int round = 0; round < 2000; round++) {
		AUTO(buf_done) struct buf before = buf_init(OUT_MAX);
		AUTO(buf_done) struct buf after = buf_init(OUT_MAX);

		for (int n = rand() % 40; n > 0; n--)
			buf_printf(&before, "%c\n", 'a' + rand() % 4);
		for (int n = rand() % 40; n > 0; n--)
			buf_printf(&after, "%c\n", 'a' + rand() % 4);
		check_applies(&before, &after);
	}
}
END_TEST

START_TEST(texts_that_differ_too_much_are_shown_as_replaced)
{
	AUTO(buf_done) struct buf before = buf_init(OUT_MAX);
	AUTO(buf_done) struct buf after = buf_init(OUT_MAX);

	for (int i = 0; i < DIFF_EDITS_MAX; i++) {
		buf_printf(&before, "b%d\nsame\n", i);
		buf_printf(&after, "a%d\nsame\n", i);
	}
	check_applies(&before, &after);
}
END_TEST

Suite *diff_suite(void)
{
	Suite *s = suite_create("diff");
	TCase *tc = tcase_create("diff");

	tcase_add_loop_test(tc, two_texts_differ_as_the_table_says, 0, ARRAY_LEN(cases));
	tcase_add_test(tc, what_is_printed_leads_from_one_text_to_the_other);
	tcase_add_test(tc, texts_that_differ_too_much_are_shown_as_replaced);
	suite_add_tcase(s, tc);
	return s;
}
