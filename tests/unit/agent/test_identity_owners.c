/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/identity/owners.h"
#include "lib/cleanup.h"
#include "tests/support/proc_play.h"

enum { INODE = 77, OTHER = 770 };

static struct proc_play proc;
static struct hints hints;

static struct seen {
	size_t n;
	pid_t pids[8];
	unsigned numbers[8];
	enum identity_status status; /* what is said of each */
} seen;

static void setup(void)
{
	proc_play_begin(&proc);
	hints.n = 0;
	seen = (struct seen){ .status = IDENTITY_OK };
}

static void teardown(void)
{
	proc_play_done(&proc);
}

static enum identity_status found(void *ctx, const struct proc *process, unsigned number)
{
	struct seen *s = ctx;

	ck_assert(proc_holds(process, number, INODE));
	s->pids[s->n] = process->pid;
	s->numbers[s->n++] = number;
	return s->status;
}

static enum identity_status look(void)
{
	const struct owners_search search = {
		.proc_fd = proc.fd,
		.skip = { .init = 1, .self = 2, .asker = 3, .parent = 4 },
		.hints = &hints,
		.found = found,
		.ctx = &seen,
	};

	seen.n = 0;
	return owners_find(&search, INODE);
}

static void add(const char *pid, unsigned number, uint64_t inode)
{
	proc_play_add(&proc, pid, "app");
	proc_play_add_socket(&proc, pid, number, inode);
}

START_TEST(every_process_that_holds_the_socket_is_told_of)
{
	add("10", 5, INODE);
	add("11", 5, OTHER);
	add("12", 9, INODE);
	ck_assert_int_eq(look(), IDENTITY_OK);
	ck_assert_uint_eq(seen.n, 2);
	ck_assert_int_eq(seen.pids[0] + seen.pids[1], 22);
	ck_assert_uint_eq(seen.numbers[0] + seen.numbers[1], 14);
}
END_TEST

START_TEST(nobody_holds_a_socket_that_only_the_agent_has)
{
	for (const char *pid = "1234"; *pid != '\0'; pid++) {
		char name[2] = { *pid };

		add(name, 5, INODE);
	}
	add("10", 5, OTHER);
	ck_assert_int_eq(look(), IDENTITY_NO_OWNER);
	ck_assert_uint_eq(seen.n, 0);
}
END_TEST

START_TEST(who_is_told_may_end_the_search)
{
	add("10", 5, INODE);
	add("12", 9, INODE);
	seen.status = IDENTITY_AMBIGUOUS;
	ck_assert_int_eq(look(), IDENTITY_AMBIGUOUS);
	ck_assert_uint_eq(seen.n, 1);
}
END_TEST

START_TEST(a_process_that_cannot_be_looked_at_might_be_one)
{
	add("10", 5, INODE);
	ck_assert_int_eq(mkdirat(proc.fd, "12", 0755), 0);
	proc_play_link(&proc, "12", "fd", "/dev/null");
	ck_assert_int_eq(look(), IDENTITY_FAILED);
}
END_TEST

START_TEST(a_process_that_has_ended_holds_nothing)
{
	add("10", 5, INODE);
	ck_assert_int_eq(mkdirat(proc.fd, "12", 0755), 0);
	ck_assert_int_eq(look(), IDENTITY_OK);
	ck_assert_uint_eq(seen.n, 1);
}
END_TEST

START_TEST(what_was_found_once_is_looked_for_anew)
{
	add("10", 5, INODE);
	ck_assert_int_eq(look(), IDENTITY_OK);
	/* The hint says 5 still. */
	ck_assert_int_eq(unlinkat(proc.fd, "10/fd/5", 0), 0);
	ck_assert_int_eq(look(), IDENTITY_NO_OWNER);
	proc_play_add_socket(&proc, "10", 6, INODE);
	add("11", 5, INODE);
	ck_assert_int_eq(look(), IDENTITY_OK);
	ck_assert_uint_eq(seen.n, 2);
}
END_TEST

Suite *identity_owners_suite(void);
Suite *identity_owners_suite(void)
{
	Suite *s = suite_create("identity_owners");
	TCase *tc = tcase_create("owners");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, every_process_that_holds_the_socket_is_told_of);
	tcase_add_test(tc, nobody_holds_a_socket_that_only_the_agent_has);
	tcase_add_test(tc, who_is_told_may_end_the_search);
	tcase_add_test(tc, a_process_that_cannot_be_looked_at_might_be_one);
	tcase_add_test(tc, a_process_that_has_ended_holds_nothing);
	tcase_add_test(tc, what_was_found_once_is_looked_for_anew);
	suite_add_tcase(s, tc);
	return s;
}
