/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "lib/cleanup.h"
#include "webhook/names.h"
#include "webhook/paths.h"

static const struct {
	const char *a, *b;
	bool conflicts, equals, a_inside_b;
} cases[] = {
	{ "/run", "/run", true, true, true },
	{ "/run/", "//run/.", true, true, true },
	{ "/run/openshell", "/run", true, false, true },
	{ "/run", "/run/openshell", true, false, false },
	{ "/", "/run", true, false, false },
	{ "/run", "/", true, false, true },
	{ "/running", "/run", false, false, false },
	{ "/run/openshell-other", "/run/openshell", false, false, false },
	{ "/run/./openshell//x", "/run/openshell", true, false, true },
	{ "/var/run", "/run", false, false, false },
	{ "/run/.hidden", "/run/hidden", false, false, false },
};

START_TEST(paths_are_compared_by_component)
{
	ck_assert_int_eq(path_conflicts(cases[_i].a, cases[_i].b), cases[_i].conflicts);
	ck_assert_int_eq(path_conflicts(cases[_i].b, cases[_i].a), cases[_i].conflicts);
	ck_assert_int_eq(path_equals(cases[_i].a, cases[_i].b), cases[_i].equals);
	ck_assert_int_eq(path_is_inside(cases[_i].a, cases[_i].b), cases[_i].a_inside_b);
}
END_TEST

static const struct {
	const char *path;
	bool plain;
} plain_cases[] = {
	{ "/", true },      { "/a/b", true },     { "/a/./b//", true }, { "/..a/b..", true },
	{ "", false },      { "a", false },       { "./a", false },     { "/..", false },
	{ "/a/..", false }, { "/a/../b", false },
};

START_TEST(plain_paths_are_absolute_and_without_dot_dot)
{
	ck_assert_int_eq(path_is_plain(plain_cases[_i].path), plain_cases[_i].plain);
}
END_TEST

START_TEST(every_folder_that_we_mount_is_reserved)
{
	static const char *const ours[] = { PATH_BIN, PATH_POLICY, PATH_RUN, "/etc/openshell-tls" };

	for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
		ck_assert_ptr_nonnull(path_reserved_conflict(ours[i]));
		ck_assert_ptr_nonnull(path_reserved_around(ours[i]));
	}
	ck_assert_ptr_nonnull(path_reserved_conflict("/etc"));
	ck_assert_ptr_null(path_reserved_around("/etc"));
	ck_assert_ptr_null(path_reserved_conflict("/data"));
}
END_TEST

Suite *paths_suite(void);
Suite *paths_suite(void)
{
	Suite *suite = suite_create("paths");
	TCase *each = tcase_create("paths");

	tcase_add_loop_test(each, paths_are_compared_by_component, 0, (int)ARRAY_LEN(cases));
	tcase_add_loop_test(each, plain_paths_are_absolute_and_without_dot_dot, 0,
			    (int)ARRAY_LEN(plain_cases));
	tcase_add_test(each, every_folder_that_we_mount_is_reserved);
	suite_add_tcase(suite, each);
	return suite;
}
