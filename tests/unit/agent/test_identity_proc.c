/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/identity/links.h"
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

/* --- links --------------------------------------------------------------------------------------- */

/* A root directory: usr/bin/{real,link,abs,up,loop,dir}, bin -> usr/bin, ... */
static const struct {
	const char *at, *to; /* a link; `to` NULL: a file; "": a directory */
} tree[] = {
	{ "usr", "" },
	{ "usr/bin", "" },
	{ "usr/bin/real", NULL },
	{ "usr/bin/link", "real" },
	{ "usr/bin/abs", "/usr/bin/link" },
	{ "usr/bin/up", "../../usr/bin/real" },
	{ "usr/bin/out", "../../../../../usr/bin/real" }, /* stays inside */
	{ "usr/bin/loop", "loop" },
	{ "usr/bin/gone", "nowhere" },
	{ "usr/bin/slashes", "//usr///bin/./real" },
	{ "usr/bin/file-as-dir", "real/x" },
	{ "bin", "usr/bin" },
	{ "abs-bin", "/bin" },
};

static const struct {
	const char *path, *want; /* NULL: no file */
} link_cases[] = {
	{ "/usr/bin/real", "/usr/bin/real" },
	{ "/usr/bin/link", "/usr/bin/real" },
	{ "/usr/bin/abs", "/usr/bin/real" },
	{ "/usr/bin/up", "/usr/bin/real" },
	{ "/usr/bin/out", "/usr/bin/real" },
	{ "/usr/bin/slashes", "/usr/bin/real" },
	{ "/bin/link", "/usr/bin/real" },
	{ "/abs-bin/abs", "/usr/bin/real" },
	{ "/../../usr/bin/real", "/usr/bin/real" },
	{ "//usr//bin//real", "/usr/bin/real" },
	{ "/usr/./bin/../bin/real", "/usr/bin/real" },
	{ "/usr/bin/loop", NULL },
	{ "/usr/bin/gone", NULL },
	{ "/usr/bin/file-as-dir", NULL },
	{ "/usr/bin/real/", NULL },
	{ "/usr/bin/real/..", NULL },
	{ "/usr/bin", NULL },
	{ "/bin", NULL },
	{ "/", NULL },
	{ "/nowhere/real", NULL },
	{ "usr/bin/real", NULL },
	{ "", NULL },
};

static char root[64];

static void make_root(void)
{
	snprintf(root, sizeof(root), "/tmp/links.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	for (size_t i = 0; i < ARRAY_LEN(tree); i++) {
		AUTO_FREE char *at = mem_printf("%s/%s", root, tree[i].at);

		if (tree[i].to == NULL)
			close(open(at, O_WRONLY | O_CREAT, 0600));
		else if (tree[i].to[0] == '\0')
			ck_assert_int_eq(mkdir(at, 0700), 0);
		else
			ck_assert_int_eq(symlink(tree[i].to, at), 0);
	}
}

static void remove_root(void)
{
	for (size_t i = ARRAY_LEN(tree); i-- > 0;) {
		AUTO_FREE char *at = mem_printf("%s/%s", root, tree[i].at);

		remove(at);
	}
	remove(root);
}

START_TEST(links_lead_where_the_table_says)
{
	AUTO_FD int root_fd = open(root, O_PATH | O_DIRECTORY);
	char out[IDENTITY_PATH_MAX] = "untouched";
	const char *want = link_cases[_i].want;

	ck_assert_msg(links_resolve(root_fd, link_cases[_i].path, out) ==
			      (want != NULL ? IDENTITY_OK : IDENTITY_NO_FILE),
		      "%s", link_cases[_i].path);
	ck_assert_str_eq(out, want != NULL ? want : "untouched");
}
END_TEST

/* 40 links are followed, as the kernel does; 41 are not. */
START_TEST(a_chain_of_links_has_an_end)
{
	AUTO_FD int root_fd = open(root, O_PATH | O_DIRECTORY);
	char out[IDENTITY_PATH_MAX], from[24], to[24];

	for (int i = 1; i <= LINKS_HOPS_MAX + 1; i++) {
		snprintf(from, sizeof(from), "chain%d", i);
		snprintf(to, sizeof(to), "chain%d", i - 1);
		ck_assert_int_eq(symlinkat(i == 1 ? "usr/bin/real" : to, root_fd, from), 0);
	}
	snprintf(from, sizeof(from), "/chain%d", LINKS_HOPS_MAX);
	ck_assert_int_eq(links_resolve(root_fd, from, out), IDENTITY_OK);
	snprintf(from, sizeof(from), "/chain%d", LINKS_HOPS_MAX + 1);
	ck_assert_int_eq(links_resolve(root_fd, from, out), IDENTITY_NO_FILE);
	for (int i = 1; i <= LINKS_HOPS_MAX + 1; i++) {
		snprintf(from, sizeof(from), "chain%d", i);
		unlinkat(root_fd, from, 0);
	}
}
END_TEST

Suite *identity_proc_suite(void);
Suite *identity_proc_suite(void)
{
	Suite *s = suite_create("identity_proc");
	TCase *tc = tcase_create("proc");
	TCase *links = tcase_create("links");

	tcase_add_loop_test(tc, a_stat_line_is_read_behind_the_name, 0, (int)ARRAY_LEN(stat_cases));
	tcase_add_test(tc, every_truncation_of_a_stat_line_is_refused);
	tcase_add_test(tc, the_running_kernel_tells_of_this_process);
	tcase_add_test(tc, a_socket_is_found_among_descriptors);
	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(links, make_root, remove_root);
	tcase_add_loop_test(links, links_lead_where_the_table_says, 0, (int)ARRAY_LEN(link_cases));
	tcase_add_test(links, a_chain_of_links_has_an_end);
	suite_add_tcase(s, links);
	return s;
}
