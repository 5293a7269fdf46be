/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/policy_watch.h"
#include "lib/cleanup.h"
#include "lib/mem.h"

static char dir[] = "/tmp/openshell-watch-XXXXXX";
static char *file;
static struct policy_watch watch;

static char *in_dir(const char *name)
{
	return mem_printf("%s/%s", dir, name);
}

static void write_in_place(const char *path, const char *text)
{
	FILE *to = fopen(path, "w");

	ck_assert_ptr_nonnull(to);
	fputs(text, to);
	ck_assert_int_eq(fclose(to), 0);
}

static void start(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	file = in_dir("policy.yaml");
	write_in_place(file, "one");
	policy_watch_start(&watch, file);
	ck_assert(policy_watch_look(&watch));
	ck_assert(!policy_watch_look(&watch));
}

static void stop(void)
{
	AUTO_FREE char *command = mem_printf("rm -rf '%s'", dir);

	policy_watch_done(&watch);
	ck_assert_int_eq(system(command), 0);
	free(file);
}

static bool has_note(void)
{
	struct pollfd wait = { .fd = watch.fd, .events = POLLIN };

	return poll(&wait, 1, 0) == 1;
}

static void check_is_noticed(void)
{
	ck_assert(has_note());
	policy_watch_drain(&watch);
	ck_assert(!has_note());
	ck_assert(policy_watch_look(&watch));
	ck_assert(!policy_watch_look(&watch));
	policy_watch_drain(&watch);
}

START_TEST(a_file_that_stays_is_no_other_one)
{
	ck_assert(!has_note());
	ck_assert(policy_watch_is_present(&watch));
	ck_assert(!policy_watch_look(&watch));
}
END_TEST

START_TEST(a_file_written_in_place_is_noticed_when_it_is_closed)
{
	for (int i = 0; i < 3; i++) {
		write_in_place(file, "another");
		check_is_noticed();
	}
}
END_TEST

START_TEST(a_file_renamed_into_place_is_noticed_each_time)
{
	AUTO_FREE char *fresh = in_dir("fresh");

	for (int i = 0; i < 3; i++) {
		write_in_place(fresh, "two");
		policy_watch_drain(&watch);
		ck_assert_int_eq(rename(fresh, file), 0);
		check_is_noticed();
	}
}
END_TEST

/* As a kubelet does it. */
static void swap_link(const char *target, const char *text)
{
	AUTO_FREE char *folder = in_dir(target);
	AUTO_FREE char *policy = mem_printf("%s/policy.yaml", folder);
	AUTO_FREE char *fresh = in_dir("..data_tmp");
	AUTO_FREE char *data = in_dir("..data");

	ck_assert_int_eq(mkdir(folder, 0755), 0);
	write_in_place(policy, text);
	ck_assert_int_eq(symlink(target, fresh), 0);
	policy_watch_drain(&watch);
	ck_assert_int_eq(rename(fresh, data), 0);
}

START_TEST(a_link_replaced_above_the_file_is_noticed_each_time)
{
	swap_link("..1", "one");
	ck_assert_int_eq(unlink(file), 0);
	ck_assert_int_eq(symlink("..data/policy.yaml", file), 0);
	ck_assert(policy_watch_look(&watch));
	swap_link("..2", "two");
	check_is_noticed();
	swap_link("..3", "two");
	check_is_noticed();
}
END_TEST

/* A file mounted by itself: what happens to it is no event of the directory that it is mounted in. */
START_TEST(a_file_of_another_directory_is_noticed_through_a_link)
{
	char elsewhere[] = "/tmp/openshell-elsewhere-XXXXXX";
	int fd = mkstemp(elsewhere);

	ck_assert_int_ne(fd, -1);
	close(fd);
	ck_assert_int_eq(unlink(file), 0);
	ck_assert_int_eq(symlink(elsewhere, file), 0);
	ck_assert(policy_watch_look(&watch));
	policy_watch_drain(&watch);
	write_in_place(elsewhere, "other");
	check_is_noticed();
	ck_assert_int_eq(unlink(elsewhere), 0);
	ck_assert(policy_watch_look(&watch));
	ck_assert(!policy_watch_is_present(&watch));
}
END_TEST

START_TEST(a_file_that_goes_and_comes_is_noticed)
{
	ck_assert_int_eq(unlink(file), 0);
	check_is_noticed();
	ck_assert(!policy_watch_is_present(&watch));
	write_in_place(file, "back");
	check_is_noticed();
	ck_assert(policy_watch_is_present(&watch));
}
END_TEST

START_TEST(a_directory_that_is_replaced_is_watched_again)
{
	AUTO_FREE char *away = mem_printf("%s.away", dir);
	AUTO_FREE char *command = mem_printf("rm -rf '%s'", away);

	ck_assert_int_eq(rename(dir, away), 0);
	ck_assert_int_eq(mkdir(dir, 0700), 0);
	write_in_place(file, "new");
	check_is_noticed();
	write_in_place(file, "newer");
	check_is_noticed();
	ck_assert_int_eq(system(command), 0);
}
END_TEST

START_TEST(without_notes_a_look_finds_it)
{
	policy_watch_done(&watch);
	write_in_place(file, "unnoted");
	ck_assert(policy_watch_look(&watch));
	policy_watch_forget(&watch);
	ck_assert(policy_watch_look(&watch));
}
END_TEST

/* Two changes within one tick of a file system's clock have one stamp. */
START_TEST(a_file_that_has_just_changed_cannot_be_told_from_itself)
{
	struct policy_watch old;

	ck_assert(policy_watch_is_fresh(&watch));
	ck_assert_int_eq(unlink(file), 0);
	ck_assert(policy_watch_look(&watch));
	ck_assert(!policy_watch_is_fresh(&watch));
	policy_watch_start(&old, "/etc/passwd");
	ck_assert(policy_watch_look(&old));
	ck_assert(!policy_watch_is_fresh(&old));
	policy_watch_done(&old);
}
END_TEST

Suite *policy_watch_suite(void);

Suite *policy_watch_suite(void)
{
	Suite *suite = suite_create("policy_watch");
	TCase *tc = tcase_create("changes");

	tcase_add_checked_fixture(tc, start, stop);
	tcase_add_test(tc, a_file_that_stays_is_no_other_one);
	tcase_add_test(tc, a_file_written_in_place_is_noticed_when_it_is_closed);
	tcase_add_test(tc, a_file_renamed_into_place_is_noticed_each_time);
	tcase_add_test(tc, a_link_replaced_above_the_file_is_noticed_each_time);
	tcase_add_test(tc, a_file_of_another_directory_is_noticed_through_a_link);
	tcase_add_test(tc, a_file_that_goes_and_comes_is_noticed);
	tcase_add_test(tc, a_directory_that_is_replaced_is_watched_again);
	tcase_add_test(tc, a_file_that_has_just_changed_cannot_be_told_from_itself);
	tcase_add_test(tc, without_notes_a_look_finds_it);
	suite_add_tcase(suite, tc);
	return suite;
}
