/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "agent/launch_options.h"
#include "lib/cleanup.h"

enum { WORDS_MAX = 24 };

/* `words` behind "launch"; they are not written to. */
static int parse(const char *const *words, struct launch_options *out, struct err *err)
{
	static char text[WORDS_MAX][64];
	static char *argv[WORDS_MAX + 1]; /* what is parsed borrows from it */
	bool help = false;
	int argc = 1;

	argv[0] = strcpy(text[0], "launch");
	for (; *words != NULL; words++, argc++) {
		ck_assert_int_lt(argc, WORDS_MAX);
		ck_assert_uint_lt(strlen(*words), sizeof(text[0]));
		argv[argc] = strcpy(text[argc], *words);
	}
	argv[argc] = NULL;
	int result = launch_options_parse(argc, argv, out, &help, err);
	ck_assert(!help);
	return result;
}

START_TEST(without_options_it_is_a_sidecars_workload)
{
	static const char *const words[] = { "--", "/app", NULL };
	struct launch_options o = { 0 };
	struct err err = { 0 };

	ck_assert_msg(parse(words, &o, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(o.proxy_url, "http://127.0.0.1:3128");
	ck_assert_uint_eq(o.proxy_uid, 1337);
	ck_assert(!o.full && !o.policy_optional && o.policy_path == NULL && o.past == NULL);
	ck_assert_uint_eq(o.writable.n, 0);
	ck_assert_int_eq(o.log_level, LOG_LEVEL_INFO);
}
END_TEST

START_TEST(each_option_is_taken_and_the_commands_own_are_left)
{
	static const char *const words[] = { "--policy",    "/p.yaml",     "--policy-optional",
					     "--rw",        "/data",       "--rw",
					     "/more",       "--proxy",     "http://proxy:1",
					     "--proxy-uid", "2000",        "--process-enforcement",
					     "full",        "--log-level", "error",
					     "--",          "/app",        "--policy",
					     "other",       NULL };
	struct launch_options o = { 0 };
	struct err err = { 0 };

	ck_assert_msg(parse(words, &o, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(o.policy_path, "/p.yaml");
	ck_assert(o.policy_optional && o.full);
	ck_assert_uint_eq(o.writable.n, 2);
	ck_assert_str_eq(o.proxy_url, "http://proxy:1");
	ck_assert_uint_eq(o.proxy_uid, 2000);
	ck_assert_int_eq(o.log_level, LOG_LEVEL_ERROR);
	ck_assert_str_eq(o.command[0], "/app");
	ck_assert_str_eq(o.command[1], "--policy");
	ck_assert_str_eq(o.command[2], "other");
	ck_assert_ptr_null(o.command[3]);
}
END_TEST

static const struct refused {
	const char *words[6], *why;
} refused[] = {
	{ { NULL }, "no command to run" },
	{ { "--", NULL }, "no command to run" },
	{ { "--", "", NULL }, "no command to run" },
	{ { "--policy-optional", "--", "/app", NULL }, "--policy-optional needs --policy" },
	{ { "--past", "10.0.0.1:443", "--", "/app", NULL }, "--past needs --proxy" },
	{ { "--process-enforcement", "none", "--", "/app", NULL }, "'none'" },
	{ { "--process-enforcement", "", "--", "/app", NULL }, "''" },
	{ { "--proxy-uid", "0", "--", "/app", NULL }, "0" },
	{ { "--proxy-uid", "x", "--", "/app", NULL }, "x" },
	{ { "--log-level", "loud", "--", "/app", NULL }, "loud" },
	{ { "--log-format", "xml", "--", "/app", NULL }, "xml" },
	{ { "--user", "0", "--", "/app", NULL }, "--user" },
	{ { "--proxy", NULL }, "--proxy" },
};

START_TEST(what_it_does_not_know_is_refused_and_named)
{
	const struct refused *one = &refused[_i];
	struct launch_options o = { 0 };
	struct err err = { 0 };

	ck_assert_int_eq(parse(one->words, &o, &err), -1);
	ck_assert_msg(strstr(err.msg, one->why) != NULL, "%s", err.msg);
	ck_assert_ptr_null(o.command);
}
END_TEST

Suite *launch_options_suite(void);
Suite *launch_options_suite(void)
{
	Suite *s = suite_create("launch_options");
	TCase *tc = tcase_create("launch_options");

	tcase_add_test(tc, without_options_it_is_a_sidecars_workload);
	tcase_add_test(tc, each_option_is_taken_and_the_commands_own_are_left);
	tcase_add_loop_test(tc, what_it_does_not_know_is_refused_and_named, 0, ARRAY_LEN(refused));
	suite_add_tcase(s, tc);
	return s;
}
