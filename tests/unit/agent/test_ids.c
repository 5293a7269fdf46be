/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/run_options.h"
#include "agent/sandbox/ids.h"
#include "agent/sandbox/proc_status.h"
#include "lib/cleanup.h"

static const struct {
	const char *text;
	uint32_t uid, gid; /* 0: refused */
} user_cases[] = {
	{ "1000:1000", 1000, 1000 },
	{ "1:4294967294", 1, 4294967294 },
	{ "0:1000", 0, 0 },
	{ "1000:0", 0, 0 },
	{ "4294967295:1", 0, 0 },
	{ "99999999999999999999:1", 0, 0 },
	{ "-1:1", 0, 0 },
	{ "+1:1", 0, 0 },
	{ " 1:1", 0, 0 },
	{ "1000", 0, 0 },
	{ "1000:", 0, 0 },
	{ ":1000", 0, 0 },
	{ "1000:1000:1", 0, 0 },
	{ "root:root", 0, 0 },
	{ "0x10:1", 0, 0 },
	{ "", 0, 0 },
};

START_TEST(a_user_is_two_numbers_that_are_not_root)
{
	struct ids ids = { 0 };
	struct err err = { 0 };
	int want = user_cases[_i].uid != 0 ? 0 : -1;

	ck_assert_int_eq(ids_parse_user(user_cases[_i].text, &ids, &err), want);
	ck_assert_uint_eq(ids.uid, user_cases[_i].uid);
	ck_assert_uint_eq(ids.gid, user_cases[_i].gid);
	ck_assert(want == 0 || err.code == ERR_INVALID);
}
END_TEST

static const struct {
	const char *text;
	size_t n; /* 0: refused */
} group_cases[] = {
	{ "1", 1 },  { "2000,3000", 2 }, { "1,2,3", 3 }, { "", 0 },     { "0", 0 }, { "1,0", 0 },
	{ "1,", 0 }, { ",1", 0 },        { "1,,2", 0 },  { "1 ,2", 0 }, { "a", 0 }, { "1:2", 0 },
};

START_TEST(groups_are_numbers_that_are_not_roots)
{
	struct ids ids = { 0 };
	struct err err = { 0 };

	ck_assert_int_eq(ids_parse_groups(group_cases[_i].text, &ids, &err),
			 group_cases[_i].n > 0 ? 0 : -1);
	ck_assert_uint_eq(ids.n_groups, group_cases[_i].n);
}
END_TEST

START_TEST(groups_have_a_limit)
{
	char text[2 * (IDS_GROUPS_MAX + 1)];
	struct ids ids = { 0 };
	struct err err = { 0 };

	for (size_t i = 0; i < IDS_GROUPS_MAX + 1; i++)
		memcpy(text + 2 * i, "5,", 2);
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_eq(ids_parse_groups(text, &ids, &err), -1);
	ck_assert_int_eq(err.code, ERR_LIMIT);
	text[sizeof(text) - 3] = '\0';
	ck_assert_int_eq(ids_parse_groups(text, &ids, &err), 0);
	ck_assert_uint_eq(ids.n_groups, IDS_GROUPS_MAX);
}
END_TEST

START_TEST(identity_comes_from_argv_then_the_policy_then_the_default)
{
	const struct policy_process none = { 0 }, user = { .run_as_user = 7 }, both = { 7, 8 };
	const struct run_options silent = { 0 }, named = { .user = "5:6", .default_user = "3:4" };
	const struct run_options defaulted = { .default_user = "3:4" };
	struct ids ids;
	struct err err = { 0 };

	ck_assert_int_eq(run_options_ids(&silent, &none, &ids, &err), 0);
	ck_assert(ids.uid == 1000 && ids.gid == 1000);
	ck_assert_int_eq(run_options_ids(&silent, &user, &ids, &err), 0);
	ck_assert(ids.uid == 7 && ids.gid == 7);
	ck_assert_int_eq(run_options_ids(&silent, &both, &ids, &err), 0);
	ck_assert(ids.uid == 7 && ids.gid == 8);
	ck_assert_int_eq(run_options_ids(&defaulted, &none, &ids, &err), 0);
	ck_assert(ids.uid == 3 && ids.gid == 4);
	ck_assert_int_eq(run_options_ids(&defaulted, &user, &ids, &err), 0);
	ck_assert(ids.uid == 7 && ids.gid == 7);
	ck_assert_int_eq(run_options_ids(&named, &both, &ids, &err), 0);
	ck_assert(ids.uid == 5 && ids.gid == 6);
}
END_TEST

/* What ids_settle() says in a process whose users are `real` and `saved` and whose capabilities stay permitted; ENODATA
 * where some are left behind it. */
static int settle_as(uid_t real, uid_t saved, const struct ids *ids)
{
	int status = 0;
	pid_t pid = fork();

	ck_assert_int_ne(pid, -1);
	if (pid == 0) {
		struct proc_status left;
		struct err err;

		if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == -1 || setgroups(0, NULL) == -1 ||
		    setresgid(1000, 1000, 1000) == -1 || setresuid(real, real, saved) == -1)
			_exit(EIO);
		int error = ids_settle(ids);
		if (error == 0 && (proc_status_read(getpid(), &left, &err) == -1 ||
				   (left.cap_prm | left.cap_eff | left.cap_amb) != 0))
			error = ENODATA;
		_exit(error);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

START_TEST(who_settles_is_who_it_should_be_and_keeps_no_way_to_more)
{
	const struct ids ids = { .uid = 1000, .gid = 1000 }, group = { .uid = 1000, .gid = 1001 };
	const struct ids root = { .uid = 0, .gid = 1000 };

	/* Only root can be made somebody else. */
	if (geteuid() != 0)
		return;
	ck_assert_int_eq(settle_as(1000, 1000, &ids), 0);
	ck_assert_int_eq(settle_as(1001, 1001, &ids), EPERM);
	ck_assert_int_eq(settle_as(1000, 0, &ids), EPERM);
	ck_assert_int_eq(settle_as(1000, 1001, &ids), EPERM);
	ck_assert_int_eq(settle_as(1000, 1000, &group), EPERM);
	ck_assert_int_eq(settle_as(0, 0, &root), EPERM);
}
END_TEST

Suite *ids_suite(void);
Suite *ids_suite(void)
{
	Suite *s = suite_create("ids");
	TCase *tc = tcase_create("ids");

	tcase_add_loop_test(tc, a_user_is_two_numbers_that_are_not_root, 0,
			    (int)ARRAY_LEN(user_cases));
	tcase_add_loop_test(tc, groups_are_numbers_that_are_not_roots, 0,
			    (int)ARRAY_LEN(group_cases));
	tcase_add_test(tc, groups_have_a_limit);
	tcase_add_test(tc, identity_comes_from_argv_then_the_policy_then_the_default);
	tcase_add_test(tc, who_settles_is_who_it_should_be_and_keeps_no_way_to_more);
	suite_add_tcase(s, tc);
	return s;
}
