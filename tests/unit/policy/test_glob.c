/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "policy/pattern.h"

static const struct {
	enum glob_kind kind;
	const char *pattern, *text;
	bool want;
} match_cases[] = {
	{ GLOB_PATH, "/a", "/a", true },
	{ GLOB_PATH, "/a", "/A", false },
	{ GLOB_PATH, "/a", "/a/", false },
	{ GLOB_PATH, "/a", "/ab", false },
	{ GLOB_PATH, "**", "/", true },
	{ GLOB_PATH, "**", "/a/b", true },
	{ GLOB_PATH, "/**", "/", true },
	{ GLOB_PATH, "/**", "/a/b", true },
	{ GLOB_PATH, "/x/*", "/x/a", true },
	{ GLOB_PATH, "/x/*", "/x/", true },
	{ GLOB_PATH, "/x/*", "/x", false },
	{ GLOB_PATH, "/x/*", "/x/a/b", false },
	{ GLOB_PATH, "/x/**", "/x", false },
	{ GLOB_PATH, "/x/**", "/x/", true },
	{ GLOB_PATH, "/x/**", "/x/a/b", true },
	{ GLOB_PATH, "/x/**", "/xy", false },
	{ GLOB_PATH, "/a/**/b", "/a/b", true },
	{ GLOB_PATH, "/a/**/b", "/a/x/b", true },
	{ GLOB_PATH, "/a/**/b", "/a/x/y/b", true },
	{ GLOB_PATH, "/a/**/b", "/a/xb", false },
	{ GLOB_PATH, "/a/**/b", "/ab", false },
	{ GLOB_PATH, "/a/**/**/b", "/a/b", true },
	{ GLOB_PATH, "/a/**/b/**", "/a/x/b/y", true },
	{ GLOB_PATH, "/a/**/b/**", "/a/x/b", false },
	{ GLOB_PATH, "**/b", "/a/b", true },
	{ GLOB_PATH, "**/b", "/ab", false },
	{ GLOB_PATH, "/*/b*c/d", "/x/bbcc/d", true },
	{ GLOB_PATH, "/*/b*c/d", "/x/bb/cc/d", false },
	{ GLOB_PATH, "/**/a*b/c", "/ab/x/aab/c", true },
	{ GLOB_PATH, "/a?c", "/abc", true },
	{ GLOB_PATH, "/a?c", "/a/c", false },
	{ GLOB_PATH, "/a[/]c", "/a/c", false },
	{ GLOB_PATH, "/a[!b]c", "/a/c", false },
	{ GLOB_PATH, "/a[!b]c", "/adc", true },
	{ GLOB_PATH, "/a[b-d]", "/ac", true },
	{ GLOB_PATH, "/a[b-d]", "/ae", false },
	{ GLOB_PATH, "/a[]x]", "/a]", true },
	{ GLOB_PATH, "/a[^x]", "/ax", false },
	{ GLOB_PATH, "/a\\*", "/a*", true },
	{ GLOB_PATH, "/a\\*", "/ab", false },
	{ GLOB_PATH, "/{a,b}/c", "/b/c", true },
	{ GLOB_PATH, "/{a,b}/c", "/c/c", false },
	{ GLOB_PATH, "/{a,}x", "/x", true },
	{ GLOB_PATH, "/{a,b}{c,d}", "/bd", true },
	{ GLOB_PATH, "/[{]a", "/{a", true },
	{ GLOB_PATH, "/{a\\,b,c}", "/a,b", true },
	{ GLOB_PATH, "/{x/**,y}", "/x/1/2", true },
	{ GLOB_TEXT, "a*", "a.b/c", true },
	{ GLOB_TEXT, "*", "", true },
	{ GLOB_TEXT, "**", "x/y", true },
	{ GLOB_TEXT, "*b*", "aabaa", true },
	{ GLOB_TEXT, "*b", "aabaa", false },
	{ GLOB_TEXT, "a?b",
	  "a\xc3\xa9"
	  "b",
	  true }, /* one character, two bytes */
	{ GLOB_TEXT, "a?b", "ab", false },
	{ GLOB_TEXT, "[!/]", "/", false },
	{ GLOB_TEXT, "skill-*", "skill-1.2", true },
};

START_TEST(patterns_match_as_the_table_says)
{
	AUTO(arena_done) struct arena arena = { 0 };
	struct pattern pattern;
	struct err err = { 0 };

	ck_assert_msg(pattern_compile(slice_text(match_cases[_i].pattern), match_cases[_i].kind,
				      &arena, &pattern, &err) == 0,
		      "%s: %s", match_cases[_i].pattern, err.msg);
	ck_assert_msg(pattern_matches(&pattern, slice_text(match_cases[_i].text)) ==
			      match_cases[_i].want,
		      "%s on %s", match_cases[_i].pattern, match_cases[_i].text);
}
END_TEST

static const struct {
	enum glob_kind kind;
	const char *pattern, *says;
} refuse_cases[] = {
	{ GLOB_PATH, "/a**", "whole path segment" },
	{ GLOB_PATH, "/**a/b", "whole path segment" },
	{ GLOB_PATH, "/***", "whole path segment" },
	{ GLOB_PATH, "/{a**,b}", "whole path segment" },
	{ GLOB_PATH, "/a[", "'[' without ']'" },
	{ GLOB_PATH, "/a[]", "'[' without ']'" },
	{ GLOB_PATH, "/a[!]", "'[' without ']'" },
	{ GLOB_PATH, "/a[b-a]", "turn it round" },
	{ GLOB_PATH, "/a[\xc3\xa9]", "beyond ASCII" },
	{ GLOB_PATH, "/a\\", "lone '\\'" },
	{ GLOB_PATH, "/{a,b", "'{' without '}'" },
	{ GLOB_PATH, "/a}", "'}' without '{'" },
	{ GLOB_PATH, "/{a,{b,c}}", "inside" },
	{ GLOB_TEXT, "[x", "'[' without ']'" },
	{ GLOB_TEXT, "{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}", "more than 64" },
};

START_TEST(patterns_that_mean_nothing_are_refused_with_a_remedy)
{
	AUTO(arena_done) struct arena arena = { 0 };
	struct pattern pattern;
	struct err err = { 0 };

	ck_assert_msg(pattern_compile(slice_text(refuse_cases[_i].pattern), refuse_cases[_i].kind,
				      &arena, &pattern, &err) == -1,
		      "%s", refuse_cases[_i].pattern);
	ck_assert_msg(strstr(err.msg, refuse_cases[_i].says) != NULL, "%s: %s",
		      refuse_cases[_i].pattern, err.msg);
}
END_TEST

/* Two stars that both could take the text: must not try every way of sharing it. */
START_TEST(many_stars_take_no_longer_than_the_product_of_the_lengths)
{
	AUTO(arena_done) struct arena arena = { 0 };
	AUTO(buf_done) struct buf glob = buf_init(4096), text = buf_init(8192);
	struct pattern pattern;
	struct err err = { 0 };

	buf_puts(&glob, "/");
	for (int i = 0; i < 200; i++)
		buf_puts(&glob, "*a");
	buf_puts(&glob, "/**/*b");
	buf_puts(&text, "/");
	for (int i = 0; i < 2000; i++)
		buf_puts(&text, i % 500 == 499 ? "/" : "a");
	ck_assert_int_eq(pattern_compile(buf_slice(&glob), GLOB_PATH, &arena, &pattern, &err), 0);
	ck_assert(!pattern_matches(&pattern, buf_slice(&text)));
}
END_TEST

Suite *glob_suite(void);
Suite *glob_suite(void)
{
	Suite *s = suite_create("glob");
	TCase *tc = tcase_create("glob");

	tcase_add_loop_test(tc, patterns_match_as_the_table_says, 0, (int)ARRAY_LEN(match_cases));
	tcase_add_loop_test(tc, patterns_that_mean_nothing_are_refused_with_a_remedy, 0,
			    (int)ARRAY_LEN(refuse_cases));
	tcase_add_test(tc, many_stars_take_no_longer_than_the_product_of_the_lengths);
	suite_add_tcase(s, tc);
	return s;
}
