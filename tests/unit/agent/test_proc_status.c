/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/sandbox/proc_status.h"
#include "lib/cleanup.h"

static const char confined[] = "Name:\tsh\n"
			       "Uid:\t1000\t1000\t1000\t1000\n"
			       "Gid:\t1000\t1000\t1000\t1000\n"
			       "Groups:\t2000 \n"
			       "CapInh:\t0000000000000000\n"
			       "CapPrm:\t0000000000000000\n"
			       "CapEff:\t0000000000000000\n"
			       "CapBnd:\t0000000000000000\n"
			       "CapAmb:\t0000000000000000\n"
			       "NoNewPrivs:\t1\n"
			       "Seccomp:\t2\n"
			       "Seccomp_filters:\t2\n";

static const struct ids want = { .uid = 1000, .gid = 1000, .groups = { 2000 }, .n_groups = 1 };

/* `text` with its first `from` replaced by `to`. */
static char *with(const char *from, const char *to)
{
	const char *at = strstr(confined, from);
	char *out = NULL;

	ck_assert_ptr_nonnull(at);
	ck_assert_int_ge(asprintf(&out, "%.*s%s%s", (int)(at - confined), confined, to,
				  at + strlen(from)),
			 0);
	return out;
}

START_TEST(a_confined_process_passes)
{
	struct proc_status status;
	struct err err = { 0 };

	ck_assert_int_eq(proc_status_parse(slice_text(confined), &status, &err), 0);
	ck_assert_int_eq(proc_status_verify(&status, &want, 1, &err), 0);
	ck_assert_uint_eq(status.groups[0], 2000);
}
END_TEST

static const struct {
	const char *from, *to, *complaint;
} weaker[] = {
	{ "Uid:\t1000", "Uid:\t0", "identity" },
	{ "Uid:\t1000\t1000\t1000", "Uid:\t1000\t1000\t0", "identity" },
	{ "1000\nGid", "0\nGid", "identity" },
	{ "Gid:\t1000", "Gid:\t0", "identity" },
	{ "Groups:\t2000", "Groups:\t0", "supplementary group 0" },
	{ "Groups:\t2000", "Groups:\t2000 0", "2 supplementary groups" },
	{ "CapInh:\t0", "CapInh:\t1", "capabilities" },
	{ "CapPrm:\t0", "CapPrm:\t1", "capabilities" },
	{ "CapEff:\t0", "CapEff:\t1", "capabilities" },
	{ "CapBnd:\t0", "CapBnd:\t1", "capabilities" },
	{ "CapAmb:\t0", "CapAmb:\t1", "capabilities" },
	{ "NoNewPrivs:\t1", "NoNewPrivs:\t0", "no_new_privs" },
	{ "Seccomp:\t2", "Seccomp:\t0", "seccomp" },
	{ "Seccomp_filters:\t2", "Seccomp_filters:\t1", "seccomp" },
};

START_TEST(each_thing_that_is_left_is_found)
{
	AUTO_FREE char *text = with(weaker[_i].from, weaker[_i].to);
	struct proc_status status;
	struct err err = { 0 };

	ck_assert_int_eq(proc_status_parse(slice_text(text), &status, &err), 0);
	ck_assert_int_eq(proc_status_verify(&status, &want, 1, &err), -1);
	ck_assert_msg(strstr(err.msg, weaker[_i].complaint) != NULL, "%s", err.msg);
}
END_TEST

static const char *const lines[] = { "Uid:",        "Gid:",     "Groups:",         "CapInh:",
				     "CapPrm:",     "CapEff:",  "CapBnd:",         "CapAmb:",
				     "NoNewPrivs:", "Seccomp:", "Seccomp_filters:" };

START_TEST(a_missing_line_is_an_unknown_state)
{
	AUTO_FREE char *text = with(lines[_i], "Other:");
	struct proc_status status;
	struct err err = { 0 };

	ck_assert_int_eq(proc_status_parse(slice_text(text), &status, &err), -1);
	ck_assert_int_eq(err.code, ERR_INVALID);
}
END_TEST

START_TEST(every_truncation_is_refused)
{
	size_t n = (size_t)_i;
	AUTO_FREE uint8_t *cut = malloc(n > 0 ? n : 1);
	struct proc_status status;
	struct err err = { 0 };

	memcpy(cut, confined, n);
	if (proc_status_parse((struct slice){ cut, n }, &status, &err) == 0)
		ck_assert_uint_ge(n,
				  sizeof(confined) - 2); /* only the last newline may be missing */
}
END_TEST

START_TEST(the_running_kernel_is_understood)
{
	struct proc_status status;
	struct err err = { 0 };

	ck_assert_msg(proc_status_read(getpid(), &status, &err) == 0, "%s", err.msg);
	ck_assert_uint_eq(status.uid[0], getuid());
}
END_TEST

Suite *proc_status_suite(void);
Suite *proc_status_suite(void)
{
	Suite *s = suite_create("proc_status");
	TCase *tc = tcase_create("proc_status");

	tcase_add_test(tc, a_confined_process_passes);
	tcase_add_loop_test(tc, each_thing_that_is_left_is_found, 0, (int)ARRAY_LEN(weaker));
	tcase_add_loop_test(tc, a_missing_line_is_an_unknown_state, 0, (int)ARRAY_LEN(lines));
	tcase_add_loop_test(tc, every_truncation_is_refused, 0, (int)sizeof(confined) - 1);
	tcase_add_test(tc, the_running_kernel_is_understood);
	suite_add_tcase(s, tc);
	return s;
}
