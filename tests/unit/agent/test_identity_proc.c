/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/identity/proc.h"
#include "lib/cleanup.h"
#include "lib/mem.h"

/* Fields 5 to 21, and 23 onwards. */
#define MIDDLE "5 5 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0"
#define END " 10000 20\n"

static const struct {
	const char *text;
	pid_t ppid; /* -1: refused */
	char state;
	uint64_t start;
} stat_cases[] = {
	{ "7 (sh) S 1 " MIDDLE " 991" END, 1, 'S', 991 },
	{ "7 (sh) Z 0 " MIDDLE " 991" END, 0, 'Z', 991 },
	{ "7 (a b) R 12 " MIDDLE " 5" END, 12, 'R', 5 },
	/* Names that try to look like the fields behind them. */
	{ "7 (x) S 1 1 1 1 (y) R 12 " MIDDLE " 5" END, 12, 'R', 5 },
	{ "7 ()) R 12 " MIDDLE " 5" END, 12, 'R', 5 },
	{ "7 (\n) R 12 " MIDDLE " 5" END, 12, 'R', 5 },
	{ "7 () R 12 " MIDDLE " 18446744073709551615" END, 12, 'R', UINT64_MAX },
	{ "7 (sh) S 2147483648 " MIDDLE " 5" END, -1, 0, 0 },
	{ "7 (sh) S -1 " MIDDLE " 5" END, -1, 0, 0 },
	{ "7 (sh) S 1 " MIDDLE " 18446744073709551616" END, -1, 0, 0 },
	{ "7 (sh) S 1 " MIDDLE " x" END, -1, 0, 0 },
	{ "7 (sh) S 1 " MIDDLE " 5", -1, 0, 0 }, /* cut */
	{ "7 (sh S 1 " MIDDLE " 5" END, -1, 0, 0 },
	{ "7 (sh)", -1, 0, 0 },
	{ "7 (sh) S", -1, 0, 0 },
	{ "7 (sh)S 1 " MIDDLE " 5" END, -1, 0, 0 },
	{ ")", -1, 0, 0 },
	{ "", -1, 0, 0 },
};

START_TEST(a_stat_line_is_read_behind_the_name)
{
	struct proc_stat stat = { .ppid = -7 };
	bool want = stat_cases[_i].ppid != -1;

	ck_assert_msg(proc_stat_parse(slice_text(stat_cases[_i].text), &stat) == want, "%s",
		      stat_cases[_i].text);
	ck_assert_int_eq(stat.ppid, want ? stat_cases[_i].ppid : -7);
	if (!want)
		return;
	ck_assert_int_eq(stat.state, stat_cases[_i].state);
	ck_assert_uint_eq(stat.start, stat_cases[_i].start);
}
END_TEST

START_TEST(every_truncation_of_a_stat_line_is_refused)
{
	static const char line[] = "7 (sh) S 1 " MIDDLE " 991 10000";
	size_t least = strlen("7 (sh) S 1 " MIDDLE " 991 ");
	struct proc_stat stat;

	for (size_t n = 0; n < sizeof(line); n++) {
		AUTO_FREE uint8_t *cut = mem_calloc(n, 1);

		memcpy(cut, line, n);
		ck_assert_int_eq(proc_stat_parse((struct slice){ cut, n }, &stat),
				 n >= least && n < sizeof(line));
	}
}
END_TEST

START_TEST(the_running_kernel_tells_of_this_process)
{
	AUTO_FD int proc_fd = open("/proc", O_RDONLY | O_DIRECTORY);
	AUTO(proc_close) struct proc self = { 0 };
	struct proc absent = { 0 };
	struct proc_stat status;
	struct proc_exe exe;
	struct stat st, own;

	ck_assert(proc_open(proc_fd, getpid(), &self));
	ck_assert(proc_read_stat(&self, &status));
	ck_assert_int_eq(status.ppid, getppid());
	ck_assert(proc_read_exe(&self, &exe));
	ck_assert_int_eq(exe.path[0], '/');
	ck_assert(proc_stat_exe(&self, &st));
	ck_assert_int_eq(stat("/proc/self/exe", &own), 0);
	ck_assert_uint_eq(st.st_ino, own.st_ino);
	ck_assert(!proc_open(proc_fd, 0x7fffffff, &absent));
}
END_TEST

static bool lists(int proc_fd, int64_t at, pid_t wanted)
{
	struct proc_listing listing;
	const char *name;
	pid_t pid;

	ck_assert_int_eq(lseek(proc_fd, at, SEEK_SET), at);
	proc_listing_begin(&listing, proc_fd);
	while ((name = proc_listing_next(&listing)) != NULL)
		if (proc_is_process(name, &pid) && pid == wanted)
			return true;
	return false;
}

START_TEST(processes_are_listed_behind_everything_else)
{
	AUTO_FD int proc_fd = open("/proc", O_RDONLY | O_DIRECTORY);
	struct proc_listing listing;
	const char *name;
	pid_t pid;

	int64_t at = proc_processes_at(proc_fd);
	ck_assert_int_gt(at, 0);
	ck_assert(lists(proc_fd, at, 1));
	ck_assert(lists(proc_fd, at, getpid()));
	ck_assert_int_eq(lseek(proc_fd, 0, SEEK_SET), 0);
	proc_listing_begin(&listing, proc_fd);
	do {
		name = proc_listing_next(&listing);
		ck_assert_ptr_nonnull(name);
		ck_assert_msg(!proc_is_process(name, &pid), "%s", name);
	} while (listing.after != at);
}
END_TEST

START_TEST(a_folder_of_another_order_is_listed_from_its_beginning)
{
	/* Numbers, and nothing before them. */
	AUTO_FD int numbers = open("/proc/self/fd", O_RDONLY | O_DIRECTORY);
	AUTO_FD int others = open("/proc/self/ns", O_RDONLY | O_DIRECTORY);

	ck_assert_int_eq(proc_processes_at(numbers), 0);
	ck_assert_int_eq(proc_processes_at(others), 0);
	ck_assert_int_eq(proc_processes_at(-1), 0);
}
END_TEST

START_TEST(a_process_is_named_by_its_number)
{
	pid_t pid;

	ck_assert(proc_is_process("1", &pid) && pid == 1);
	ck_assert(proc_is_process("4194304", &pid) && pid == 4194304);
	ck_assert(!proc_is_process("0", &pid));
	ck_assert(!proc_is_process("", &pid));
	ck_assert(!proc_is_process("7x", &pid));
	ck_assert(!proc_is_process("-7", &pid));
	ck_assert(!proc_is_process("self", &pid));
}
END_TEST

START_TEST(a_socket_is_found_among_descriptors)
{
	AUTO_FD int proc_fd = open("/proc", O_RDONLY | O_DIRECTORY);
	AUTO_FD int fd = socket(AF_INET, SOCK_STREAM, 0);
	AUTO(proc_close) struct proc self = { 0 };
	struct stat st;
	int number;

	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert(proc_open(proc_fd, getpid(), &self));
	ck_assert_int_gt(proc_find_socket(&self, st.st_ino, &number), 0);
	ck_assert_int_eq(number, fd);
	ck_assert(proc_holds(&self, (unsigned)fd, st.st_ino));
	ck_assert(!proc_holds(&self, (unsigned)fd, st.st_ino + 1));
	ck_assert(!proc_holds(&self, 0, st.st_ino));
	/* Its number is no part of another's. */
	ck_assert_int_gt(proc_find_socket(&self, st.st_ino * 10, &number), 0);
	ck_assert_int_eq(number, -1);
}
END_TEST

Suite *identity_proc_suite(void);
Suite *identity_proc_suite(void)
{
	Suite *s = suite_create("identity_proc");
	TCase *tc = tcase_create("proc");

	tcase_add_loop_test(tc, a_stat_line_is_read_behind_the_name, 0, (int)ARRAY_LEN(stat_cases));
	tcase_add_test(tc, every_truncation_of_a_stat_line_is_refused);
	tcase_add_test(tc, the_running_kernel_tells_of_this_process);
	tcase_add_test(tc, processes_are_listed_behind_everything_else);
	tcase_add_test(tc, a_folder_of_another_order_is_listed_from_its_beginning);
	tcase_add_test(tc, a_process_is_named_by_its_number);
	tcase_add_test(tc, a_socket_is_found_among_descriptors);
	suite_add_tcase(s, tc);
	return s;
}
