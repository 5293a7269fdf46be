/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of programs goes with the container that they were in. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/identity/exe.h"
#include "agent/identity/roots.h"
#include "lib/cleanup.h"
#include "lib/mem.h"
#include "tests/support/proc_play.h"

static const struct fingerprint print = { 1, 2, 300, 4000, 5000 };
static const uint8_t content[TRUST_DIGEST_SIZE] = { 1 };

static struct root root_at(const struct proc_play *proc, const char *container)
{
	struct stat st;

	ck_assert_int_eq(fstatat(proc->fd, container, &st, 0), 0);
	return (struct root){ st.st_dev, st.st_ino };
}

START_TEST(each_root_in_use_is_named_once)
{
	AUTO(proc_play_done) struct proc_play proc = { 0 };
	struct roots roots;

	proc_play_begin(&proc);
	proc_play_add(&proc, "1", "pause");
	proc_play_add(&proc, "20", "app");
	proc_play_add(&proc, "21", "app");
	ck_assert(roots_in_use(proc.fd, &roots));
	ck_assert_int_eq(roots.n, 2);
	const struct root pause = root_at(&proc, "pause"), app = root_at(&proc, "app");
	ck_assert(roots_has(&roots, &pause));
	ck_assert(roots_has(&roots, &app));
	const struct root of_proc = root_at(&proc, ".");
	ck_assert(!roots_has(&roots, &of_proc));
}
END_TEST

START_TEST(a_process_that_has_ended_uses_none)
{
	AUTO(proc_play_done) struct proc_play proc = { 0 };
	struct roots roots;

	proc_play_begin(&proc);
	ck_assert_int_eq(mkdirat(proc.fd, "7", 0755), 0);
	ck_assert(roots_in_use(proc.fd, &roots));
	ck_assert_int_eq(roots.n, 0);
}
END_TEST

START_TEST(what_cannot_be_told_may_be_any)
{
	AUTO(proc_play_done) struct proc_play proc = { 0 };
	struct roots roots;

	proc_play_begin(&proc);
	ck_assert_int_eq(mkdirat(proc.fd, "7", 0755), 0);
	proc_play_link(&proc, "7", "root", "root");
	ck_assert(!roots_in_use(proc.fd, &roots));
}
END_TEST

START_TEST(more_containers_than_fit_may_be_any)
{
	AUTO(proc_play_done) struct proc_play proc = { 0 };
	struct roots roots;
	char pid[16], name[16];

	proc_play_begin(&proc);
	for (int i = 1; i <= ROOTS_MAX + 1; i++) {
		ck_assert(i == 1 || roots_in_use(proc.fd, &roots));
		snprintf(pid, sizeof(pid), "%d", i);
		snprintf(name, sizeof(name), "c%d", i);
		proc_play_add(&proc, pid, name);
	}
	ck_assert(!roots_in_use(proc.fd, &roots));
}
END_TEST

START_TEST(a_listing_that_has_begun_is_not_disturbed)
{
	AUTO_FD int proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int64_t at = proc_processes_at(proc_fd);
	struct roots roots;

	ck_assert_int_eq(lseek(proc_fd, at, SEEK_SET), at);
	roots_in_use(proc_fd, &roots);
	ck_assert_int_eq(lseek(proc_fd, 0, SEEK_CUR), at);
}
END_TEST

/* As the helper does: `n` programs of a container. */
static void fill(struct trust *trust, struct root root, int n)
{
	char path[24];

	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "/bin/%d", i);
		const struct trust_key key = { root, slice_text(path) };
		ck_assert_int_eq(trust_learn(trust, &key, &print, content, true), TRUST_KNOWN);
	}
}

static enum identity_status describe(const struct proc_play *proc, struct trust *trust, pid_t pid)
{
	AUTO(proc_close) struct proc process = { 0 };
	static struct identity_paths paths;
	const struct exe_context context = { .proc_fd = proc->fd, .init_pid = 1, .trust = trust };

	ck_assert(proc_open(proc->fd, pid, &process));
	return exe_describe(&context, &process, &paths);
}

START_TEST(programs_of_containers_that_have_ended_make_room)
{
	AUTO(proc_play_done) struct proc_play proc = { 0 };
	struct trust *trust = mem_calloc(1, sizeof(*trust));

	proc_play_begin(&proc);
	proc_play_add(&proc, "20", "app");
	ck_assert_int_eq(mkdirat(proc.fd, "ended", 0755), 0);
	fill(trust, root_at(&proc, "ended"), TRUST_OWN_PROGRAMS + TRUST_COMMON_PROGRAMS);
	fill(trust, root_at(&proc, "app"), TRUST_OWN_PROGRAMS);
	ck_assert_int_eq(describe(&proc, trust, 20), IDENTITY_OK);
	ck_assert_int_eq(trust->n, TRUST_OWN_PROGRAMS + 1);
	trust_done(trust);
	free(trust);
}
END_TEST

START_TEST(programs_of_containers_that_run_are_not_forgotten)
{
	AUTO(proc_play_done) struct proc_play proc = { 0 };
	struct trust *trust = mem_calloc(1, sizeof(*trust));

	proc_play_begin(&proc);
	proc_play_add(&proc, "20", "app");
	proc_play_add(&proc, "30", "other");
	fill(trust, root_at(&proc, "other"), TRUST_OWN_PROGRAMS + TRUST_COMMON_PROGRAMS);
	fill(trust, root_at(&proc, "app"), TRUST_OWN_PROGRAMS);
	ck_assert_int_eq(describe(&proc, trust, 20), IDENTITY_LIMIT);
	ck_assert_int_eq(trust->n, 2 * TRUST_OWN_PROGRAMS + TRUST_COMMON_PROGRAMS);
	trust_done(trust);
	free(trust);
}
END_TEST

START_TEST(a_container_that_fills_the_table_denies_itself_alone)
{
	AUTO(proc_play_done) struct proc_play proc = { 0 };
	struct trust *trust = mem_calloc(1, sizeof(*trust));

	proc_play_begin(&proc);
	proc_play_add(&proc, "20", "app");
	proc_play_add(&proc, "30", "hostile");
	fill(trust, root_at(&proc, "hostile"), TRUST_OWN_PROGRAMS + TRUST_COMMON_PROGRAMS);
	ck_assert_int_eq(describe(&proc, trust, 30), IDENTITY_LIMIT);
	ck_assert_int_eq(describe(&proc, trust, 20), IDENTITY_OK);
	trust_done(trust);
	free(trust);
}
END_TEST

Suite *identity_roots_suite(void);
Suite *identity_roots_suite(void)
{
	Suite *s = suite_create("identity_roots");
	TCase *tc = tcase_create("identity_roots");

	tcase_add_test(tc, each_root_in_use_is_named_once);
	tcase_add_test(tc, a_process_that_has_ended_uses_none);
	tcase_add_test(tc, what_cannot_be_told_may_be_any);
	tcase_add_test(tc, more_containers_than_fit_may_be_any);
	tcase_add_test(tc, a_listing_that_has_begun_is_not_disturbed);
	tcase_add_test(tc, programs_of_containers_that_have_ended_make_room);
	tcase_add_test(tc, programs_of_containers_that_run_are_not_forgotten);
	tcase_add_test(tc, a_container_that_fills_the_table_denies_itself_alone);
	suite_add_tcase(s, tc);
	return s;
}
