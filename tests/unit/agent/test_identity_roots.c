/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of programs goes with the container that they were in. A folder plays /proc: processes are
 * folders with the links `root` and `exe`. */
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

static const struct fingerprint print = { 1, 2, 300, 4000, 5000 };
static const uint8_t content[TRUST_DIGEST_SIZE] = { 1 };

struct played {
	char path[64];
	int fd;
};

static void link_in(const struct played *proc, const char *pid, const char *name, const char *to)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", pid, name);
	ck_assert_int_eq(symlinkat(to, proc->fd, path), 0);
}

/* A process of a container whose root is the folder NAME beside it. */
static void add_process(const struct played *proc, const char *pid, const char *container)
{
	char path[64];

	mkdirat(proc->fd, container, 0755);
	ck_assert_int_eq(mkdirat(proc->fd, pid, 0755), 0);
	snprintf(path, sizeof(path), "../%s", container);
	link_in(proc, pid, "root", path);
	link_in(proc, pid, "exe", "/proc/self/exe");
	snprintf(path, sizeof(path), "%s/stat", pid);
	int fd = openat(proc->fd, path, O_WRONLY | O_CREAT, 0644);
	ck_assert_int_ge(fd, 0);
	dprintf(fd, "%s (x) S 0 1 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 7 0 0\n", pid);
	close(fd);
}

static void play(struct played *proc)
{
	snprintf(proc->path, sizeof(proc->path), "/tmp/openshell-proc-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(proc->path));
	proc->fd = open(proc->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(proc->fd, 0);
	/* Where a descriptor leads is asked of the kernel. */
	ck_assert_int_eq(symlinkat("/proc/self", proc->fd, "self"), 0);
}

static void play_done(struct played *proc)
{
	AUTO_FREE char *command = mem_printf("rm -rf %s", proc->path);

	close(proc->fd);
	ck_assert_int_eq(system(command), 0);
}

static struct root root_at(const struct played *proc, const char *container)
{
	struct stat st;

	ck_assert_int_eq(fstatat(proc->fd, container, &st, 0), 0);
	return (struct root){ st.st_dev, st.st_ino };
}

START_TEST(each_root_in_use_is_named_once)
{
	AUTO(play_done) struct played proc = { 0 };
	struct roots roots;

	play(&proc);
	add_process(&proc, "1", "pause");
	add_process(&proc, "20", "app");
	add_process(&proc, "21", "app");
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
	AUTO(play_done) struct played proc = { 0 };
	struct roots roots;

	play(&proc);
	ck_assert_int_eq(mkdirat(proc.fd, "7", 0755), 0);
	ck_assert(roots_in_use(proc.fd, &roots));
	ck_assert_int_eq(roots.n, 0);
}
END_TEST

START_TEST(what_cannot_be_told_may_be_any)
{
	AUTO(play_done) struct played proc = { 0 };
	struct roots roots;

	play(&proc);
	ck_assert_int_eq(mkdirat(proc.fd, "7", 0755), 0);
	link_in(&proc, "7", "root", "root");
	ck_assert(!roots_in_use(proc.fd, &roots));
}
END_TEST

START_TEST(more_containers_than_fit_may_be_any)
{
	AUTO(play_done) struct played proc = { 0 };
	struct roots roots;
	char pid[16], name[16];

	play(&proc);
	for (int i = 1; i <= ROOTS_MAX + 1; i++) {
		ck_assert(i == 1 || roots_in_use(proc.fd, &roots));
		snprintf(pid, sizeof(pid), "%d", i);
		snprintf(name, sizeof(name), "c%d", i);
		add_process(&proc, pid, name);
	}
	ck_assert(!roots_in_use(proc.fd, &roots));
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

static enum identity_status describe(const struct played *proc, struct trust *trust, pid_t pid)
{
	AUTO(proc_close) struct proc process = { 0 };
	static struct identity_paths paths;
	const struct exe_context context = { .proc_fd = proc->fd, .init_pid = 1, .trust = trust };
	uint64_t start;

	ck_assert(proc_open(proc->fd, pid, &process));
	return exe_describe(&context, &process, &paths, &start);
}

START_TEST(programs_of_containers_that_have_ended_make_room)
{
	AUTO(play_done) struct played proc = { 0 };
	struct trust *trust = mem_calloc(1, sizeof(*trust));

	play(&proc);
	add_process(&proc, "20", "app");
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
	AUTO(play_done) struct played proc = { 0 };
	struct trust *trust = mem_calloc(1, sizeof(*trust));

	play(&proc);
	add_process(&proc, "20", "app");
	add_process(&proc, "30", "other");
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
	AUTO(play_done) struct played proc = { 0 };
	struct trust *trust = mem_calloc(1, sizeof(*trust));

	play(&proc);
	add_process(&proc, "20", "app");
	add_process(&proc, "30", "hostile");
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
	tcase_add_test(tc, programs_of_containers_that_have_ended_make_room);
	tcase_add_test(tc, programs_of_containers_that_run_are_not_forgotten);
	tcase_add_test(tc, a_container_that_fills_the_table_denies_itself_alone);
	suite_add_tcase(s, tc);
	return s;
}
