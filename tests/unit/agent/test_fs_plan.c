/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "agent/sandbox/fs_plan.h"
#include "lib/cleanup.h"

static char etc[] = "/etc", usr[] = "/usr", data[] = "/data", run[] = "/run";
static char *read_only[] = { etc, usr };
static char *read_write[] = { data };
static char *too_wide[] = { run };

static const struct cmd_list no_mounts = { 0 };

/* The access that the plan gives `path` by a rule of its own: 'r', 'w', or '-' for none. */
static char access_of(const struct fs_plan *plan, const char *path)
{
	char access = '-';

	for (size_t i = 0; i < plan->n; i++)
		if (strcmp(plan->rules[i].path, path) == 0)
			access = plan->rules[i].access == FS_ACCESS_WRITE ? 'w' : 'r';
	return access;
}

START_TEST(without_a_policy_all_may_be_read_and_little_written)
{
	const struct cmd_list mounts = { .items = { "/cache" }, .n = 1 };
	const struct policy policy = { 0 };
	AUTO(fs_plan_done) struct fs_plan plan = { 0 };
	struct err err = { 0 };

	ck_assert_int_eq(fs_plan_build(&policy, "/home/app", &mounts, &plan, &err), 0);
	ck_assert_int_eq(access_of(&plan, "/"), 'r');
	ck_assert_int_eq(access_of(&plan, "/home/app"), 'w');
	ck_assert_int_eq(access_of(&plan, "/tmp"), 'w');
	ck_assert_int_eq(access_of(&plan, "/dev/null"), 'w');
	ck_assert_int_eq(access_of(&plan, "/cache"), 'w');
	ck_assert_int_eq(access_of(&plan, "/etc"), '-');
}
END_TEST

START_TEST(a_filesystem_policy_grants_its_paths_and_nothing_else)
{
	const struct cmd_list mounts = { .items = { "/cache" }, .n = 1 };
	const struct policy policy = {
		.filesystem = { .present = true,
				.read_only = { read_only, ARRAY_LEN(read_only) },
				.read_write = { read_write, ARRAY_LEN(read_write) } },
	};
	AUTO(fs_plan_done) struct fs_plan plan = { 0 };
	struct err err = { 0 };

	ck_assert_int_eq(fs_plan_build(&policy, "/home/app", &mounts, &plan, &err), 0);
	ck_assert_uint_eq(plan.n, 4);
	ck_assert_int_eq(access_of(&plan, "/etc"), 'r');
	ck_assert_int_eq(access_of(&plan, "/usr"), 'r');
	ck_assert_int_eq(access_of(&plan, "/data"), 'w');
}
END_TEST

START_TEST(the_working_directory_is_writable_only_where_the_policy_says_so)
{
	const struct policy policy = { .filesystem = { .present = true, .include_workdir = true } };
	AUTO(fs_plan_done) struct fs_plan plan = { 0 };
	struct err err = { 0 };

	ck_assert_int_eq(fs_plan_build(&policy, "/work", &no_mounts, &plan, &err), 0);
	ck_assert_uint_eq(plan.n, 2);
	ck_assert_int_eq(access_of(&plan, "/work"), 'w');
	ck_assert_int_eq(access_of(&plan, "/etc/openshell-tls"), 'r');
}
END_TEST

static const char *const wide_workdirs[] = { "/",    "/run",
					     "/opt", "/opt/openshell",
					     "/etc", "/run/openshell/x" };

START_TEST(a_working_directory_that_holds_ours_stays_read_only)
{
	const struct policy policy = { 0 };
	AUTO(fs_plan_done) struct fs_plan plan = { 0 };
	struct err err = { 0 };

	ck_assert_int_eq(fs_plan_build(&policy, wide_workdirs[_i], &no_mounts, &plan, &err), 0);
	for (size_t i = 0; i < plan.n; i++)
		ck_assert(plan.rules[i].access == FS_ACCESS_READ ||
			  strcmp(plan.rules[i].path, wide_workdirs[_i]) != 0);
}
END_TEST

START_TEST(a_policy_cannot_open_what_belongs_to_the_sandbox)
{
	const struct policy policy = {
		.filesystem = { .present = true, .read_write = { too_wide, 1 } },
	};
	const struct cmd_list mount = { .items = { "/etc/openshell/policy" }, .n = 1 };
	struct fs_plan plan = { 0 };
	struct err err = { 0 };

	ck_assert_int_eq(fs_plan_build(&policy, "/work", &no_mounts, &plan, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.msg, "'/run' would open /run/openshell"));
	ck_assert_int_eq(fs_plan_build(&(const struct policy){ 0 }, "/work", &mount, &plan, &err),
			 -1);
	ck_assert_ptr_null(plan.rules);
}
END_TEST

static const struct {
	const char *a, *b;
	bool want;
} overlap_cases[] = {
	{ "/a", "/a", true },      { "/a", "/a/b", true },
	{ "/a/b", "/a", true },    { "/", "/a", true },
	{ "/a", "/ab", false },    { "/run/openshell", "/run/openshell-foo", false },
	{ "/a/b", "/a/c", false },
};

START_TEST(paths_overlap_by_component)
{
	ck_assert_int_eq(fs_paths_overlap(overlap_cases[_i].a, overlap_cases[_i].b),
			 overlap_cases[_i].want);
}
END_TEST

Suite *fs_plan_suite(void);
Suite *fs_plan_suite(void)
{
	Suite *s = suite_create("fs_plan");
	TCase *tc = tcase_create("fs_plan");

	tcase_add_test(tc, without_a_policy_all_may_be_read_and_little_written);
	tcase_add_test(tc, a_filesystem_policy_grants_its_paths_and_nothing_else);
	tcase_add_test(tc, the_working_directory_is_writable_only_where_the_policy_says_so);
	tcase_add_loop_test(tc, a_working_directory_that_holds_ours_stays_read_only, 0,
			    (int)ARRAY_LEN(wide_workdirs));
	tcase_add_test(tc, a_policy_cannot_open_what_belongs_to_the_sandbox);
	tcase_add_loop_test(tc, paths_overlap_by_component, 0, (int)ARRAY_LEN(overlap_cases));
	suite_add_tcase(s, tc);
	return s;
}
