/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "lib/buf.h"
#include "lib/cleanup.h"

static const struct {
	struct slice in;
	const char *want;
} json_cases[] = {
	{ { (const uint8_t *)"plain", 5 }, "\"plain\"" },
	{ { (const uint8_t *)"a\"b\\c", 5 }, "\"a\\\"b\\\\c\"" },
	{ { (const uint8_t *)"a\nb\tc\r", 6 }, "\"a\\nb\\tc\\u000d\"" },
	{ { (const uint8_t *)"\0\x1f\x7f", 3 }, "\"\\u0000\\u001f\\u007f\"" },
	{ { (const uint8_t *)"\xc3\xa9", 2 }, "\"\xc3\xa9\"" },
	{ { (const uint8_t *)"\xc3", 1 }, "\"\\ufffd\"" }, /* cut sequence */
	{ { (const uint8_t *)"\xc0\xaf", 2 }, "\"\\ufffd\\ufffd\"" }, /* overlong '/' */
	{ { (const uint8_t *)"\xed\xa0\x80", 3 }, "\"\\ufffd\\ufffd\\ufffd\"" }, /* surrogate */
	{ { (const uint8_t *)"\xf4\x90\x80\x80", 4 }, "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" },
};

START_TEST(json_strings_escape_whatever_comes_from_outside)
{
	AUTO(buf_done) struct buf b = buf_init(256);

	buf_put_json(&b, json_cases[_i].in);
	ck_assert_str_eq(buf_text(&b), json_cases[_i].want);
}
END_TEST

START_TEST(overflow_sticks_and_keeps_what_fitted)
{
	AUTO(buf_done) struct buf b = buf_init(4);

	buf_puts(&b, "abc");
	buf_puts(&b, "de");
	ck_assert(b.overflow);
	buf_puts(&b, "f");
	ck_assert_str_eq(buf_text(&b), "abc");
	buf_clear(&b);
	buf_puts(&b, "wxyz");
	ck_assert(!b.overflow);
	ck_assert_str_eq(buf_text(&b), "wxyz");
}
END_TEST

static const struct {
	int64_t value;
	unsigned width;
	const char *want;
} int_cases[] = {
	{ 0, 0, "0" },
	{ 0, 1, "0" },
	{ 7, 2, "07" },
	{ 123, 2, "123" },
	{ -5, 3, "-005" },
	{ 9, 99, "00000000000000000000009" },
	{ INT64_MAX, 1, "9223372036854775807" },
	{ INT64_MIN, 1, "-9223372036854775808" },
};

START_TEST(numbers_are_decimal)
{
	AUTO(buf_done) struct buf b = buf_init(32);

	buf_put_int(&b, int_cases[_i].value, int_cases[_i].width);
	ck_assert_str_eq(buf_text(&b), int_cases[_i].want);
}
END_TEST

START_TEST(an_empty_buffer_reads_as_empty_text)
{
	AUTO(buf_done) struct buf b = buf_init(4);

	ck_assert_str_eq(buf_text(&b), "");
	ck_assert_uint_eq(buf_slice(&b).n, 0);
}
END_TEST

START_TEST(a_secret_buffer_grows_like_any_other)
{
	AUTO(buf_done) struct buf b = buf_init_secret(5000);

	for (int i = 0; i < 500; i++)
		buf_puts(&b, "0123456789");
	ck_assert(!b.overflow);
	ck_assert_uint_eq(b.n, 5000);
	for (int i = 0; i < 5000; i++)
		ck_assert_int_eq(b.p[i], '0' + i % 10);
	buf_done(&b);
	ck_assert(b.secret);
	ck_assert_str_eq(buf_text(&b), "");
}
END_TEST

Suite *buf_suite(void);
Suite *buf_suite(void)
{
	Suite *s = suite_create("buf");
	TCase *tc = tcase_create("buf");

	tcase_add_loop_test(tc, json_strings_escape_whatever_comes_from_outside, 0,
			    (int)ARRAY_LEN(json_cases));
	tcase_add_test(tc, overflow_sticks_and_keeps_what_fitted);
	tcase_add_loop_test(tc, numbers_are_decimal, 0, (int)ARRAY_LEN(int_cases));
	tcase_add_test(tc, an_empty_buffer_reads_as_empty_text);
	tcase_add_test(tc, a_secret_buffer_grows_like_any_other);
	suite_add_tcase(s, tc);
	return s;
}
