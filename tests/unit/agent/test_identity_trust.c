/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "agent/identity/trust.h"
#include "lib/cleanup.h"
#include "lib/mem.h"

static const struct fingerprint first = { 1, 2, 300, 4000, 5000 };
static const uint8_t content[TRUST_DIGEST_SIZE] = { 1 }, other_content[TRUST_DIGEST_SIZE] = { 2 };

static struct trust *new_trust(void)
{
	return mem_calloc(1, sizeof(struct trust));
}

static void free_trust(struct trust **trust)
{
	trust_done(*trust);
	free(*trust);
}

START_TEST(a_program_is_read_once)
{
	AUTO(free_trust) struct trust *trust = new_trust();
	struct slice path = slice_text("/usr/bin/curl");

	ck_assert_int_eq(trust_check(trust, path, &first), TRUST_UNREAD);
	ck_assert_int_eq(trust_learn(trust, path, &first, content, true), TRUST_KNOWN);
	ck_assert_int_eq(trust_check(trust, path, &first), TRUST_KNOWN);
}
END_TEST

START_TEST(any_change_of_the_fingerprint_makes_it_be_read_again)
{
	AUTO(free_trust) struct trust *trust = new_trust();
	struct slice path = slice_text("/usr/bin/curl");

	ck_assert_int_eq(trust_learn(trust, path, &first, content, true), TRUST_KNOWN);
	for (int i = 0; i < 5; i++) {
		struct fingerprint changed = first;

		changed.dev += i == 0;
		changed.ino += i == 1;
		changed.size += i == 2;
		changed.mtime_ns += i == 3;
		changed.ctime_ns += i == 4;
		ck_assert_int_eq(trust_check(trust, path, &changed), TRUST_UNREAD);
	}
	/* The same content under another: touched, or copied to another layer. */
	struct fingerprint touched = first;
	touched.ctime_ns++;
	ck_assert_int_eq(trust_learn(trust, path, &touched, content, true), TRUST_KNOWN);
	ck_assert_int_eq(trust_check(trust, path, &touched), TRUST_KNOWN);
	ck_assert_int_eq(trust_check(trust, path, &first), TRUST_UNREAD);
}
END_TEST

START_TEST(another_content_is_never_trusted_again)
{
	AUTO(free_trust) struct trust *trust = new_trust();
	struct slice path = slice_text("/usr/bin/curl");

	ck_assert_int_eq(trust_learn(trust, path, &first, content, true), TRUST_KNOWN);
	ck_assert_int_eq(trust_learn(trust, path, &first, other_content, true), TRUST_VIOLATED);
	ck_assert_int_eq(trust_check(trust, path, &first), TRUST_VIOLATED);
	/* Not even what was there at first. */
	ck_assert_int_eq(trust_learn(trust, path, &first, content, true), TRUST_VIOLATED);
	ck_assert_int_eq(trust_check(trust, path, &first), TRUST_VIOLATED);
	/* A neighbour is not concerned. */
	ck_assert_int_eq(trust_check(trust, slice_text("/usr/bin/cur"), &first), TRUST_UNREAD);
}
END_TEST

START_TEST(a_file_that_may_still_change_unseen_is_read_each_time)
{
	AUTO(free_trust) struct trust *trust = new_trust();
	struct slice path = slice_text("/tmp/a.out");

	ck_assert_int_eq(trust_learn(trust, path, &first, content, false), TRUST_KNOWN);
	ck_assert_int_eq(trust_check(trust, path, &first), TRUST_UNREAD);
	ck_assert_int_eq(trust_learn(trust, path, &first, content, true), TRUST_KNOWN);
	ck_assert_int_eq(trust_check(trust, path, &first), TRUST_KNOWN);
}
END_TEST

START_TEST(bytes_of_a_path_are_kept_as_they_are)
{
	static const uint8_t odd[] = { '/', 0xff, '\n', 0xc3 };
	AUTO(free_trust) struct trust *trust = new_trust();
	struct slice path = { odd, sizeof(odd) };

	ck_assert_int_eq(trust_learn(trust, path, &first, content, true), TRUST_KNOWN);
	ck_assert_int_eq(trust_check(trust, path, &first), TRUST_KNOWN);
	path.n--;
	ck_assert_int_eq(trust_check(trust, path, &first), TRUST_UNREAD);
}
END_TEST

START_TEST(the_table_is_full_at_some_time_and_then_nothing_new_is_trusted)
{
	AUTO(free_trust) struct trust *trust = new_trust();
	char path[32];

	for (int i = 0; i < TRUST_PROGRAMS_MAX; i++) {
		snprintf(path, sizeof(path), "/bin/%d", i);
		ck_assert_int_eq(trust_learn(trust, slice_text(path), &first, content, true),
				 TRUST_KNOWN);
	}
	ck_assert_int_eq(trust_learn(trust, slice_text("/bin/x"), &first, content, true),
			 TRUST_FULL);
	ck_assert_int_eq(trust_check(trust, slice_text("/bin/x"), &first), TRUST_UNREAD);
	for (int i = 0; i < TRUST_PROGRAMS_MAX; i++) {
		snprintf(path, sizeof(path), "/bin/%d", i);
		ck_assert_int_eq(trust_check(trust, slice_text(path), &first), TRUST_KNOWN);
	}
}
END_TEST

START_TEST(long_paths_fill_the_table_too)
{
	AUTO(free_trust) struct trust *trust = new_trust();
	enum trust_verdict verdict = TRUST_KNOWN;
	char path[4096];
	int n = 0;

	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	while (verdict == TRUST_KNOWN) {
		snprintf(path, 16, "/%010d", n++);
		path[strlen(path)] = '/';
		verdict = trust_learn(trust, slice_text(path), &first, content, true);
	}
	ck_assert_int_eq(verdict, TRUST_FULL);
	ck_assert_int_le(n, TRUST_PATH_BYTES_MAX / 4095 + 2);
}
END_TEST

static bool is_even(const void *context, struct slice path)
{
	(void)context;
	return (path.p[path.n - 1] - '0') % 2 == 0;
}

START_TEST(what_is_forgotten_makes_room_and_nothing_else_changes)
{
	AUTO(free_trust) struct trust *trust = new_trust();
	char path[32];

	for (int i = 0; i < TRUST_PROGRAMS_MAX; i++) {
		snprintf(path, sizeof(path), "/bin/%d", i);
		trust_learn(trust, slice_text(path), &first, content, true);
	}
	trust_learn(trust, slice_text("/bin/8"), &first, other_content, true);
	ck_assert(trust_forget(trust, is_even, NULL));
	ck_assert(!trust_forget(trust, is_even, NULL));
	for (int i = 0; i < TRUST_PROGRAMS_MAX; i++) {
		enum trust_verdict want = i % 2 == 1 ? TRUST_UNREAD
					  : i == 8   ? TRUST_VIOLATED
						     : TRUST_KNOWN;

		snprintf(path, sizeof(path), "/bin/%d", i);
		ck_assert_int_eq(trust_check(trust, slice_text(path), &first), want);
	}
	ck_assert_int_eq(trust_learn(trust, slice_text("/bin/x"), &first, content, true),
			 TRUST_KNOWN);
	ck_assert_int_eq(trust->n, TRUST_PROGRAMS_MAX / 2 + 1);
}
END_TEST

Suite *identity_trust_suite(void);
Suite *identity_trust_suite(void)
{
	Suite *s = suite_create("identity_trust");
	TCase *tc = tcase_create("identity_trust");

	tcase_add_test(tc, a_program_is_read_once);
	tcase_add_test(tc, any_change_of_the_fingerprint_makes_it_be_read_again);
	tcase_add_test(tc, another_content_is_never_trusted_again);
	tcase_add_test(tc, a_file_that_may_still_change_unseen_is_read_each_time);
	tcase_add_test(tc, bytes_of_a_path_are_kept_as_they_are);
	tcase_add_test(tc, the_table_is_full_at_some_time_and_then_nothing_new_is_trusted);
	tcase_add_test(tc, long_paths_fill_the_table_too);
	tcase_add_test(tc, what_is_forgotten_makes_room_and_nothing_else_changes);
	suite_add_tcase(s, tc);
	return s;
}
