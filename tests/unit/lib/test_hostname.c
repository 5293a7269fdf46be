/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "lib/cleanup.h"
#include "lib/hostname.h"

#define LABEL_63 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0"

static const struct {
	const char *name;
	bool want;
} cases[] = {
	{ "a", true },
	{ "api.example.com", true },
	{ "API.Example.COM", true },
	{ "under_score.example", true },
	{ "_dmarc.example", true },
	{ "a--b.c-.example", true },
	{ "xn--mnchen-3ya.example", true },
	{ "1password.com", true },
	{ "4.example", true },
	{ LABEL_63 ".example", true },
	{ LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63, false }, /* 255 */
	{ LABEL_63 "." LABEL_63 "." LABEL_63
		   ".abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxy",
	  true }, /* 253 */
	{ "", false },
	{ ".", false },
	{ "a.", false },
	{ ".a", false },
	{ "a..b", false },
	{ "-a.b", false },
	{ "a.-b", false },
	{ LABEL_63 "x.example", false },
	{ "*.example", false },
	{ "a b", false },
	{ "a/b", false },
	{ "a:1", false },
	{ "a%00b", false },
	{ "m\xc3\xbcnchen.example", false },
	{ "127.0.0.1", false },
	{ "1", false },
	{ "a.1", false },
	{ "127.0.0.0x1", false },
	{ "0X7F", false },
	{ "::1", false },
};

START_TEST(names_are_judged_by_the_table)
{
	ck_assert_msg(hostname_is_dns(slice_text(cases[_i].name)) == cases[_i].want, "'%s'",
		      cases[_i].name);
}
END_TEST

START_TEST(a_name_with_a_nul_is_none)
{
	ck_assert(!hostname_is_dns((struct slice){ (const uint8_t *)"a\0b", 3 }));
}
END_TEST

Suite *hostname_suite(void);
Suite *hostname_suite(void)
{
	Suite *s = suite_create("hostname");
	TCase *tc = tcase_create("hostname");

	tcase_add_loop_test(tc, names_are_judged_by_the_table, 0, (int)ARRAY_LEN(cases));
	tcase_add_test(tc, a_name_with_a_nul_is_none);
	suite_add_tcase(s, tc);
	return s;
}
