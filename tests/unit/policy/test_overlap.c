/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/overlap.h"

#include <check.h>

#include "lib/cleanup.h"

static const struct {
	const char *a, *b;
	bool want;
} path_cases[] = {
	{ "/a", "/a", true },          { "/a", "/b", false },
	{ "/a", "/a/b", false },       { "/*", "/a", true },
	{ "/*", "/a/b", false },       { "/a/*", "/*/b", true },
	{ "/a/*", "/b/*", false },     { "/a/**", "/a", false },
	{ "/a/**", "/a/b/c", true },   { "/**", "/a", true },
	{ "**", "/a", true },          { "/**/a", "/**/b", false },
	{ "/**/a", "/a", true },       { "/**/a", "/*/*", true },
	{ "/a*c", "/ab*", true },      { "/a*c", "/ab*d", false },
	{ "/a?c", "/a[b-d]c", true },  { "/a[b-d]c", "/a[e-g]c", false },
	{ "/[!a]", "/a", false },      { "/{a,b}", "/{c,b}", true },
	{ "/{a,b}", "/{c,d}", false }, { "/a/**/b", "/a/b", true },
	{ "/a/**/b", "/a/*b", true },  { "/a/**/b", "/b/**", false },
	{ "/x\\*", "/x[*]", true },
};

START_TEST(paths_overlap_as_the_table_says)
{
	AUTO(arena_done) struct arena arena = { 0 };
	struct pattern a, b;
	struct err err = { 0 };
	size_t budget = 1000000;

	ck_assert_int_eq(pattern_compile(slice_text(path_cases[_i].a), GLOB_PATH, &arena, &a, &err),
			 0);
	ck_assert_int_eq(pattern_compile(slice_text(path_cases[_i].b), GLOB_PATH, &arena, &b, &err),
			 0);
	ck_assert_msg(path_patterns_overlap(&a, &b, &budget) == path_cases[_i].want, "%s and %s",
		      path_cases[_i].a, path_cases[_i].b);
	ck_assert(path_patterns_overlap(&b, &a, &budget) == path_cases[_i].want);
}
END_TEST

static const struct {
	const char *a, *b;
	bool want;
} host_cases[] = {
	{ "*.x.com", "*.x.com", true },    { "*.x.com", "**.x.com", true },
	{ "*.x.com", "*.y.com", false },   { "*.x.com", "*.a.x.com", false },
	{ "**.x.com", "*.a.x.com", true }, { "**.x.com", "**.a.x.com", true },
	{ "a*.x.com", "*b.x.com", true },  { "a*.x.com", "b*.x.com", false },
	{ "a.*.com", "*.b.com", true },    { "a.*.com", "c.*.com", false },
};

START_TEST(hosts_overlap_as_the_table_says)
{
	size_t budget = 1000000;
	struct slice a = slice_text(host_cases[_i].a), b = slice_text(host_cases[_i].b);

	ck_assert_msg(host_patterns_overlap(a, b, &budget) == host_cases[_i].want, "%s and %s",
		      host_cases[_i].a, host_cases[_i].b);
	ck_assert(host_patterns_overlap(b, a, &budget) == host_cases[_i].want);
}
END_TEST

START_TEST(a_spent_budget_answers_yes)
{
	size_t budget = 10;

	ck_assert(host_patterns_overlap(slice_text("*a.x.com"), slice_text("*b.x.com"), &budget));
	ck_assert_uint_eq(budget, 0);
}
END_TEST

Suite *overlap_suite(void);
Suite *overlap_suite(void)
{
	Suite *s = suite_create("overlap");
	TCase *tc = tcase_create("overlap");

	tcase_add_loop_test(tc, paths_overlap_as_the_table_says, 0, (int)ARRAY_LEN(path_cases));
	tcase_add_loop_test(tc, hosts_overlap_as_the_table_says, 0, (int)ARRAY_LEN(host_cases));
	tcase_add_test(tc, a_spent_budget_answers_yes);
	suite_add_tcase(s, tc);
	return s;
}
