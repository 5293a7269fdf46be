/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "lib/base64.h"
#include "lib/cleanup.h"

/* The first seven are RFC 4648, section 10. */
static const struct {
	const char *text, *want;
} cases[] = {
	{ "", "" },
	{ "f", "Zg==" },
	{ "fo", "Zm8=" },
	{ "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" },
	{ "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" },
	{ "\xff\xfe\xfb\xef", "//777w==" },
};

START_TEST(bytes_are_encoded_as_the_rfc_says)
{
	AUTO(buf_done) struct buf out = buf_init(64);

	base64_put(&out, slice_text(cases[_i].text));
	ck_assert_str_eq(buf_text(&out), cases[_i].want);
}
END_TEST

START_TEST(what_is_encoded_is_decoded)
{
	AUTO(buf_done) struct buf out = buf_init(64);
	struct err err = { 0 };

	ck_assert_int_eq(base64_take(slice_text(cases[_i].want), &out, &err), 0);
	ck_assert_str_eq(buf_text(&out), cases[_i].text);
}
END_TEST

static const char *const bad[] = {
	"Zg",           "Zg=",  "Z===", "====", "=g==", "Zg=v",    "Zm9v\n",
	"Zm9vZg==Zm9v", "Zh==", "Zm9=", "Zm-_", "Zm 9", "Z\3779v", "Zm9vZm9=",
};

START_TEST(what_is_no_base64_is_refused)
{
	AUTO(buf_done) struct buf out = buf_init(64);
	struct err err = { 0 };

	ck_assert_int_eq(base64_take(slice_text(bad[_i]), &out, &err), -1);
	ck_assert_int_eq(err.code, ERR_INVALID);
}
END_TEST

START_TEST(each_byte_comes_back_and_what_has_no_room_is_refused)
{
	AUTO(buf_done) struct buf text = buf_init(1000);
	AUTO(buf_done) struct buf back = buf_init(256);
	AUTO(buf_done) struct buf small = buf_init(255);
	struct err err = { 0 };
	uint8_t bytes[256];

	for (int i = 0; i < 256; i++)
		bytes[i] = (uint8_t)(255 - i);
	base64_put(&text, (struct slice){ bytes, sizeof(bytes) });
	ck_assert_int_eq(base64_take(buf_slice(&text), &back, &err), 0);
	ck_assert_mem_eq(back.p, bytes, sizeof(bytes));
	ck_assert_int_eq(base64_take(buf_slice(&text), &small, &err), -1);
	ck_assert_int_eq(err.code, ERR_LIMIT);
}
END_TEST

Suite *base64_suite(void);
Suite *base64_suite(void)
{
	Suite *suite = suite_create("base64");
	TCase *each = tcase_create("base64");

	tcase_add_loop_test(each, bytes_are_encoded_as_the_rfc_says, 0, (int)ARRAY_LEN(cases));
	tcase_add_loop_test(each, what_is_encoded_is_decoded, 0, (int)ARRAY_LEN(cases));
	tcase_add_loop_test(each, what_is_no_base64_is_refused, 0, (int)ARRAY_LEN(bad));
	tcase_add_test(each, each_byte_comes_back_and_what_has_no_room_is_refused);
	suite_add_tcase(suite, each);
	return suite;
}
