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

Suite *base64_suite(void);
Suite *base64_suite(void)
{
	Suite *suite = suite_create("base64");
	TCase *each = tcase_create("base64");

	tcase_add_loop_test(each, bytes_are_encoded_as_the_rfc_says, 0, (int)ARRAY_LEN(cases));
	suite_add_tcase(suite, each);
	return suite;
}
