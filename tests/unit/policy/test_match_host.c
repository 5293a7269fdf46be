/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/match_host.h"

#include <check.h>
#include <string.h>

#include "lib/cleanup.h"

static const struct {
	const char *pattern, *host;
	bool want;
} match_cases[] = {
	{ "example.com", "example.com", true },
	{ "example.com", "a.example.com", false },
	{ "*.example.com", "a.example.com", true },
	{ "*.example.com", "example.com", false },
	{ "*.example.com", "a.b.example.com", false },
	{ "**.example.com", "a.example.com", true },
	{ "**.example.com", "a.b.example.com", true },
	{ "**.example.com", "example.com", false },
	{ "**.example.com", "badexample.com", false },
	{ "api-*.example.com", "api-1.example.com", true },
	{ "api-*.example.com", "api-.example.com", true },
	{ "api-*.example.com", "api.example.com", false },
	{ "*-api.example.com", "x-api.example.com", true },
	{ "a*b*c.example.com", "axbybzc.example.com", true },
	{ "x.*.example.com", "x.y.example.com", true },
	{ "x.*.example.com", "x.example.com", false },
	{ "**.*.example.com", "a.example.com", false },
	{ "**.*.example.com", "b.a.example.com", true },
};

START_TEST(host_patterns_match_as_the_table_says)
{
	ck_assert_msg(host_matches(slice_text(match_cases[_i].pattern),
				   slice_text(match_cases[_i].host)) == match_cases[_i].want,
		      "%s on %s", match_cases[_i].pattern, match_cases[_i].host);
}
END_TEST

static const struct {
	const char *host, *want; /* NULL: refused */
} name_cases[] = {
	{ "example.com", "example.com" },
	{ "EXAMPLE.Com", "example.com" },
	{ "example.com.", "example.com" },
	{ "example.com..", NULL },
	{ "a_b.example.com", "a_b.example.com" },
	{ "localhost", "localhost" },
	{ "192.0.2.7", "192.0.2.7" },
	{ "[2001:DB8::0001]", "2001:db8::1" },
	{ "2001:db8:0::1", "2001:db8::1" },
	{ "::ffff:127.0.0.1", "127.0.0.1" },
	{ "[::ffff:7f00:1]", "127.0.0.1" },
	{ "", NULL },
	{ ".", NULL },
	{ "[", NULL },
	{ "[]", NULL },
	{ "[::1", NULL },
	{ "[example.com]", NULL },
	{ "[192.0.2.7]", NULL },
	{ "fe80::1%eth0", NULL },
	{ "a..b", NULL },
	{ ".a", NULL },
	{ "a b", NULL },
	{ "a%2eb", NULL },
	{ "a/b", NULL },
	{ "a*b", NULL },
	{ "example.com:443", NULL },
	{ "user@example.com", NULL },
	{ "ex\xc3\xa4mple.com", NULL },
	{ "2130706433", NULL }, /* 127.0.0.1, to inet_aton() */
	{ "0x7f000001", NULL },
	{ "127.1", NULL },
	{ "127.0.0.0x1", NULL },
	{ "0177.0.0.1", NULL },
	{ "1.2.3.4.5", NULL },
	{ "1.2.3.4.", "1.2.3.4" },
	{ "a.123456789012345678901234567890123456789012345678901234567890123", NULL },
	{ "x123456789012345678901234567890123456789012345678901234567890123.com", NULL },
	{ "x12345678901234567890123456789012345678901234567890123456789012.com",
	  "x12345678901234567890123456789012345678901234567890123456789012.com" },
};

START_TEST(hosts_of_requests_have_one_form_or_none)
{
	struct host_name name;
	bool legal = host_normalise(slice_text(name_cases[_i].host), &name);

	ck_assert_msg(legal == (name_cases[_i].want != NULL), "%s", name_cases[_i].host);
	if (legal)
		ck_assert_str_eq(name.text, name_cases[_i].want);
}
END_TEST

START_TEST(hosts_longer_than_dns_allows_are_refused)
{
	struct host_name name;
	char host[300];

	for (size_t i = 0; i < sizeof(host); i++)
		host[i] = i % 10 == 9 ? '.' : 'a';
	ck_assert(host_normalise((struct slice){ (const uint8_t *)host, 253 }, &name));
	ck_assert(!host_normalise((struct slice){ (const uint8_t *)host, 255 }, &name));
}
END_TEST

static const struct {
	const char *text, *want; /* the form, or a part of the refusal */
	bool legal, glob;
} check_cases[] = {
	{ "API.example.com", "api.example.com", true, false },
	{ "*.example.com", "*.example.com", true, true },
	{ "**.example.com", "**.example.com", true, true },
	{ "api-*.example.com", "api-*.example.com", true, true },
	{ "a.*.example.com", "a.*.example.com", true, true },
	{ "localhost", "localhost", true, false },
	{ "192.0.2.7", "192.0.2.7", true, false },
	{ "2001:DB8::1", "2001:db8::1", true, false },
	{ "*", "every host", false, false },
	{ "**", "every host", false, false },
	{ "*.com", "two labels", false, false },
	{ "**.com", "two labels", false, false },
	{ "a*.com", "two labels", false, false },
	{ "api*", "two labels", false, false },
	{ "a.b.*", "two labels", false, false },
	{ "a.**.example.com", "whole first label", false, false },
	{ "**a.example.com", "whole first label", false, false },
	{ "***.example.com", "whole first label", false, false },
	{ "a.b*.example.com", "whole label", false, false },
	{ "https://example.com", "URL", false, false },
	{ "example.com/x", "URL", false, false },
	{ "example.com:443", "`port`", false, false },
	{ "[2001:db8::1]", "without them", false, false },
	{ "example.com.", "dot", false, false },
	{ "ex\xc3\xa4mple.com", "xn--", false, false },
	{ "a..com", "no host name", false, false },
	{ "a?.example.com", "no host name", false, false },
	{ "{a,b}.example.com", "no host name", false, false },
	{ "127.1", "ends in a number", false, false },
	{ "*.1.2.3", "ends in a number", false, false },
};

START_TEST(hosts_of_policies_are_checked_with_a_remedy)
{
	struct err err = { 0 };
	struct host_name name;
	bool glob;
	int result = host_pattern_check(slice_text(check_cases[_i].text), &name, &glob, &err);

	if (check_cases[_i].legal) {
		ck_assert_msg(result == 0, "%s: %s", check_cases[_i].text, err.msg);
		ck_assert_str_eq(name.text, check_cases[_i].want);
		ck_assert(glob == check_cases[_i].glob);
	} else {
		ck_assert_msg(result == -1, "%s", check_cases[_i].text);
		ck_assert_msg(strstr(err.msg, check_cases[_i].want) != NULL, "%s: %s",
			      check_cases[_i].text, err.msg);
	}
}
END_TEST

Suite *match_host_suite(void);
Suite *match_host_suite(void)
{
	Suite *s = suite_create("match_host");
	TCase *tc = tcase_create("match_host");

	tcase_add_loop_test(tc, host_patterns_match_as_the_table_says, 0,
			    (int)ARRAY_LEN(match_cases));
	tcase_add_loop_test(tc, hosts_of_requests_have_one_form_or_none, 0,
			    (int)ARRAY_LEN(name_cases));
	tcase_add_test(tc, hosts_longer_than_dns_allows_are_refused);
	tcase_add_loop_test(tc, hosts_of_policies_are_checked_with_a_remedy, 0,
			    (int)ARRAY_LEN(check_cases));
	suite_add_tcase(s, tc);
	return s;
}
