/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "agent/sandbox/env.h"
#include "agent/sandbox/exec_path.h"
#include "lib/cleanup.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
			     "broken line\n"
			     "short:x:1000\n"
			     "app:x:1000:1000::/home/app:/bin/sh\n"
			     "late:x:1000:1000::/home/late:/bin/sh\n"
			     "empty:x:1001:1001:::\n"
			     "last:x:1002:1002::/home/last:/bin/sh";

static const struct {
	uid_t uid;
	const char *home;
} home_cases[] = {
	{ 0, "/root" },         { 1000, "/home/app" }, { 1001, "/" },
	{ 1002, "/home/last" }, { 100, "/" },          { 10020, "/" },
};

START_TEST(home_is_the_first_whole_entry_of_the_user)
{
	char home[64];

	env_home(slice_text(passwd), home_cases[_i].uid, home, sizeof(home));
	ck_assert_str_eq(home, home_cases[_i].home);
}
END_TEST

START_TEST(a_home_that_does_not_fit_counts_as_unknown)
{
	char home[8];

	env_home(slice_text(passwd), 1000, home, sizeof(home));
	ck_assert_str_eq(home, "/");
	env_home((struct slice){ 0 }, 1000, home, sizeof(home));
	ck_assert_str_eq(home, "/");
}
END_TEST

static char *const no_extra[] = { NULL };

START_TEST(only_our_variables_and_the_runtimes_home_change)
{
	char path[] = "PATH=/bin", home[] = "HOME=/root", forged[] = "OPENSHELL_TOPOLOGY=none",
	     near[] = "OPENSHELLX=1", plain[] = "noequals";
	char *in[] = { path, home, forged, near, plain, NULL };
	char **env = env_build(in, "/root", "/home/app", no_extra);

	ck_assert_str_eq(env[0], "PATH=/bin");
	ck_assert_str_eq(env[1], "HOME=/home/app");
	ck_assert_str_eq(env[2], "OPENSHELLX=1");
	ck_assert_str_eq(env[3], "noequals");
	ck_assert_str_eq(env[4], "OPENSHELL_SANDBOX=1");
	ck_assert_ptr_null(env[5]);
	ck_assert_str_eq(env_get(env, "PATH"), "/bin");
	ck_assert_ptr_null(env_get(env, "OPENSHELL"));
	env_free(env);
}
END_TEST

START_TEST(a_home_that_somebody_chose_stays)
{
	char home[] = "HOME=/srv";
	char *in[] = { home, NULL };
	char **env = env_build(in, "/root", "/home/app", no_extra);

	ck_assert_str_eq(env[0], "HOME=/srv");
	env_free(env);
}
END_TEST

START_TEST(what_we_set_replaces_what_the_image_set)
{
	char theirs[] = "HTTP_PROXY=http://evil", longer[] = "HTTP_PROXY_X=1",
	     bare[] = "HTTP_PROXY";
	char ours[] = "HTTP_PROXY=http://10.200.0.1:3128", other[] = "NEW=1";
	char *in[] = { bare, longer, theirs, NULL }, *const extra[] = { ours, other, NULL };
	char **env = env_build(in, "/root", "/", extra);

	ck_assert_str_eq(env[0], "HTTP_PROXY");
	ck_assert_str_eq(env[1], "HTTP_PROXY_X=1");
	ck_assert_str_eq(env[2], "HTTP_PROXY=http://10.200.0.1:3128");
	ck_assert_str_eq(env[3], "OPENSHELL_SANDBOX=1");
	ck_assert_str_eq(env[4], "NEW=1");
	ck_assert_ptr_null(env[5]);
	env_free(env);
}
END_TEST

static const struct {
	const char *command, *path;
	const char *want[4];
} path_cases[] = {
	{ "/bin/sh", "/usr/bin", { "/bin/sh" } },
	{ "./x", "/usr/bin", { "./x" } },
	{ "sh", "/usr/bin:/bin", { "/usr/bin/sh", "/bin/sh" } },
	{ "sh", "", { "./sh" } },
	{ "sh", ":/bin:", { "./sh", "/bin/sh", "./sh" } },
};

START_TEST(commands_are_looked_up_as_a_shell_does)
{
	char **got = exec_path_candidates(path_cases[_i].command, path_cases[_i].path);
	size_t n = 0;

	for (; got[n] != NULL; n++)
		ck_assert_pstr_eq(got[n], path_cases[_i].want[n]);
	ck_assert_ptr_null(path_cases[_i].want[n]);
	exec_path_free(got);
}
END_TEST

START_TEST(without_path_the_runtimes_default_is_searched)
{
	char **got = exec_path_candidates("sh", NULL);

	ck_assert_str_eq(got[0], "/usr/local/sbin/sh");
	ck_assert_str_eq(got[5], "/bin/sh");
	ck_assert_ptr_null(got[6]);
	exec_path_free(got);
}
END_TEST

Suite *env_suite(void);
Suite *env_suite(void)
{
	Suite *s = suite_create("env");
	TCase *tc = tcase_create("env");

	tcase_add_loop_test(tc, home_is_the_first_whole_entry_of_the_user, 0,
			    (int)ARRAY_LEN(home_cases));
	tcase_add_test(tc, a_home_that_does_not_fit_counts_as_unknown);
	tcase_add_test(tc, only_our_variables_and_the_runtimes_home_change);
	tcase_add_test(tc, a_home_that_somebody_chose_stays);
	tcase_add_test(tc, what_we_set_replaces_what_the_image_set);
	tcase_add_loop_test(tc, commands_are_looked_up_as_a_shell_does, 0,
			    (int)ARRAY_LEN(path_cases));
	tcase_add_test(tc, without_path_the_runtimes_default_is_searched);
	suite_add_tcase(s, tc);
	return s;
}
