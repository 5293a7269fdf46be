/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "agent/identity/trust.h"
#include "lib/cleanup.h"
#include "lib/mem.h"

static const struct fingerprint first = { 1, 2, 300, 4000, 5000 };
static const uint8_t content[TRUST_DIGEST_SIZE] = { 1 }, other_content[TRUST_DIGEST_SIZE] = { 2 };

/* As many as one container may have. */
enum { ALONE = TRUST_OWN_PROGRAMS + TRUST_COMMON_PROGRAMS };

static struct trust *new_trust(void)
{
	return mem_calloc(1, sizeof(struct trust));
}

static void free_trust(struct trust **trust)
{
	trust_done(*trust);
	free(*trust);
}

static struct trust_key key_of(const char *path)
{
	return (struct trust_key){ .root = { 7, 8 }, .path = slice_text(path) };
}

static enum trust_verdict check_at(const struct trust *trust, const char *path)
{
	const struct trust_key key = key_of(path);

	return trust_check(trust, &key, &first);
}

static enum trust_verdict learn_at(struct trust *trust, const char *path,
				   const uint8_t digest[TRUST_DIGEST_SIZE])
{
	const struct trust_key key = key_of(path);

	return trust_learn(trust, &key, &first, digest, true);
}

START_TEST(a_program_is_read_once)
{
	AUTO(free_trust) struct trust *trust = new_trust();
	const struct trust_key curl = key_of("/usr/bin/curl");

	ck_assert_int_eq(trust_check(trust, &curl, &first), TRUST_UNREAD);
	ck_assert_int_eq(trust_learn(trust, &curl, &first, content, true), TRUST_KNOWN);
	ck_assert_int_eq(trust_check(trust, &curl, &first), TRUST_KNOWN);
}
END_TEST

START_TEST(any_change_of_the_fingerprint_makes_it_be_read_again)
{
	AUTO(free_trust) struct trust *trust = new_trust();
	const struct trust_key curl = key_of("/usr/bin/curl");

	ck_assert_int_eq(trust_learn(trust, &curl, &first, content, true), TRUST_KNOWN);
	for (int i = 0; i < 5; i++) {
		struct fingerprint changed = first;

		changed.dev += i == 0;
		changed.ino += i == 1;
		changed.size += i == 2;
		changed.mtime_ns += i == 3;
		changed.ctime_ns += i == 4;
		ck_assert_int_eq(trust_check(trust, &curl, &changed), TRUST_UNREAD);
	}
	/* The same content under another: touched, or copied to another layer. */
	struct fingerprint touched = first;
	touched.ctime_ns++;
	ck_assert_int_eq(trust_learn(trust, &curl, &touched, content, true), TRUST_KNOWN);
	ck_assert_int_eq(trust_check(trust, &curl, &touched), TRUST_KNOWN);
	ck_assert_int_eq(trust_check(trust, &curl, &first), TRUST_UNREAD);
}
END_TEST

START_TEST(another_content_is_never_trusted_again)
{
	AUTO(free_trust) struct trust *trust = new_trust();
	const struct trust_key curl = key_of("/usr/bin/curl");

	ck_assert_int_eq(trust_learn(trust, &curl, &first, content, true), TRUST_KNOWN);
	ck_assert_int_eq(trust_learn(trust, &curl, &first, other_content, true), TRUST_VIOLATED);
	ck_assert_int_eq(trust_check(trust, &curl, &first), TRUST_VIOLATED);
	/* Not even what was there at first. */
	ck_assert_int_eq(trust_learn(trust, &curl, &first, content, true), TRUST_VIOLATED);
	ck_assert_int_eq(trust_check(trust, &curl, &first), TRUST_VIOLATED);
	/* A neighbour is not concerned. */
	ck_assert_int_eq(check_at(trust, "/usr/bin/cur"), TRUST_UNREAD);
}
END_TEST

START_TEST(a_file_that_may_still_change_unseen_is_read_each_time)
{
	AUTO(free_trust) struct trust *trust = new_trust();
	const struct trust_key file = key_of("/tmp/a.out");

	ck_assert_int_eq(trust_learn(trust, &file, &first, content, false), TRUST_KNOWN);
	ck_assert_int_eq(trust_check(trust, &file, &first), TRUST_UNREAD);
	ck_assert_int_eq(trust_learn(trust, &file, &first, content, true), TRUST_KNOWN);
	ck_assert_int_eq(trust_check(trust, &file, &first), TRUST_KNOWN);
}
END_TEST

START_TEST(bytes_of_a_path_are_kept_as_they_are)
{
	static const uint8_t odd[] = { '/', 0xff, '\n', 0xc3 };
	AUTO(free_trust) struct trust *trust = new_trust();
	struct trust_key key = { .path = { odd, sizeof(odd) } };

	ck_assert_int_eq(trust_learn(trust, &key, &first, content, true), TRUST_KNOWN);
	ck_assert_int_eq(trust_check(trust, &key, &first), TRUST_KNOWN);
	key.path.n--;
	ck_assert_int_eq(trust_check(trust, &key, &first), TRUST_UNREAD);
}
END_TEST

START_TEST(the_table_is_full_at_some_time_and_then_nothing_new_is_trusted)
{
	AUTO(free_trust) struct trust *trust = new_trust();
	char path[32];

	for (int i = 0; i < ALONE; i++) {
		snprintf(path, sizeof(path), "/bin/%d", i);
		ck_assert_int_eq(learn_at(trust, path, content), TRUST_KNOWN);
	}
	ck_assert_int_eq(learn_at(trust, "/bin/x", content), TRUST_FULL);
	ck_assert_int_eq(check_at(trust, "/bin/x"), TRUST_UNREAD);
	for (int i = 0; i < ALONE; i++) {
		snprintf(path, sizeof(path), "/bin/%d", i);
		ck_assert_int_eq(check_at(trust, path), TRUST_KNOWN);
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
		verdict = learn_at(trust, path, content);
	}
	ck_assert_int_eq(verdict, TRUST_FULL);
	ck_assert_int_le(n, (TRUST_OWN_BYTES + TRUST_COMMON_BYTES) / 4095 + 2);
}
END_TEST

/* The `i`th program of the container `number`. */
static enum trust_verdict learn_of(struct trust *trust, int number, int i)
{
	char path[24];

	snprintf(path, sizeof(path), "/%d", i);
	const struct trust_key key = { { 1, (uint64_t)number }, slice_text(path) };
	return trust_learn(trust, &key, &first, content, true);
}

START_TEST(what_is_forgotten_makes_room_and_nothing_else_changes)
{
	AUTO(free_trust) struct trust *trust = new_trust();
	const struct roots kept = { .items = { { 7, 8 } }, .n = 1 };
	char path[32];

	for (int i = 0; i < ALONE / 2; i++) {
		snprintf(path, sizeof(path), "/bin/%d", i);
		learn_at(trust, path, content);
		learn_of(trust, 5, i);
	}
	learn_at(trust, "/bin/8", other_content);
	ck_assert(trust_forget(trust, &kept));
	ck_assert(!trust_forget(trust, &kept));
	ck_assert_int_eq(trust->n, ALONE / 2);
	for (int i = 0; i < ALONE / 2; i++) {
		snprintf(path, sizeof(path), "/bin/%d", i);
		ck_assert_int_eq(check_at(trust, path), i == 8 ? TRUST_VIOLATED : TRUST_KNOWN);
	}
	/* All of the common room is theirs now. */
	for (int i = ALONE / 2; i < ALONE; i++) {
		snprintf(path, sizeof(path), "/bin/%d", i);
		ck_assert_int_eq(learn_at(trust, path, content), TRUST_KNOWN);
	}
}
END_TEST

START_TEST(one_path_in_two_containers_is_two_programs)
{
	AUTO(free_trust) struct trust *trust = new_trust();
	const struct trust_key one = { { 1, 1 }, slice_text("/app") },
			       two = { { 1, 2 }, slice_text("/app") };

	ck_assert_int_eq(trust_learn(trust, &one, &first, content, true), TRUST_KNOWN);
	ck_assert_int_eq(trust_check(trust, &two, &first), TRUST_UNREAD);
	ck_assert_int_eq(trust_learn(trust, &two, &first, other_content, true), TRUST_KNOWN);
	ck_assert_int_eq(trust_check(trust, &one, &first), TRUST_KNOWN);
}
END_TEST

START_TEST(whoever_fills_the_common_room_leaves_each_other_container_its_own)
{
	AUTO(free_trust) struct trust *trust = new_trust();

	for (int i = 0; i < ALONE; i++)
		ck_assert_int_eq(learn_of(trust, 0, i), TRUST_KNOWN);
	for (int number = 0; number < TRUST_OWNERS_MAX; number++) {
		for (int i = 0; number > 0 && i < TRUST_OWN_PROGRAMS; i++)
			ck_assert_int_eq(learn_of(trust, number, i), TRUST_KNOWN);
		ck_assert_int_eq(learn_of(trust, number, ALONE), TRUST_FULL);
	}
	ck_assert_int_eq(trust->n, TRUST_PROGRAMS_MAX);
	ck_assert_int_eq(learn_of(trust, TRUST_OWNERS_MAX, 0), TRUST_FULL);
}
END_TEST

START_TEST(long_paths_leave_others_their_room_too)
{
	AUTO(free_trust) struct trust *trust = new_trust();
	enum trust_verdict verdict = TRUST_KNOWN;
	char path[4096];

	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	for (int i = 0; verdict == TRUST_KNOWN; i++) {
		snprintf(path, 16, "/%010d", i);
		path[strlen(path)] = '/';
		verdict = learn_at(trust, path, content);
	}
	ck_assert_int_eq(verdict, TRUST_FULL);
	for (int i = 0; i < TRUST_OWN_PROGRAMS; i++)
		ck_assert_int_eq(learn_of(trust, 1, i), TRUST_KNOWN);
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
	tcase_add_test(tc, one_path_in_two_containers_is_two_programs);
	tcase_add_test(tc, whoever_fills_the_common_room_leaves_each_other_container_its_own);
	tcase_add_test(tc, long_paths_leave_others_their_room_too);
	suite_add_tcase(s, tc);
	return s;
}
