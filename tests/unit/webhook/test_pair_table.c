/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "tests/unit/pair_table_fixture.h"
#include "webhook/pair_table.h"

#define OTHER "0d6a2c0e-5f0b-4a51-9a6e-3f1f5a4b7c02"

START_TEST(a_new_pod_is_looked_at_once)
{
	struct pair_job job, second;

	fixture_see_pod(UID, false, 0);
	fixture_see_pod(UID, false, 0);
	fixture_take(0, &job);
	ck_assert_str_eq(job.uid, UID);
	ck_assert_str_eq(job.namespace_name, "shop");
	ck_assert_str_eq(job.pod, "web-1");
	ck_assert(job.has_pod && !job.is_bound);
	ck_assert(!pair_table_take(fixture_table, 0, &second));
	fixture_finish(&job, 0);
	ck_assert_int_eq(pair_table_wait_ms(fixture_table, 0), -1);
}
END_TEST

START_TEST(two_workers_never_have_the_same_pair)
{
	struct pair_job one, two, none;

	fixture_see_pod(UID, false, 0);
	fixture_see_pod(OTHER, false, 0);
	fixture_take(0, &one);
	fixture_take(0, &two);
	ck_assert_str_ne(one.uid, two.uid);
	fixture_see(PAIR_SUPERVISOR, 7, 0);
	ck_assert(!pair_table_take(fixture_table, 0, &none));
	fixture_finish(&two, 0);
	fixture_finish(&one, 0);
	/* What was seen meanwhile is looked at after all. */
	fixture_take(0, &one);
	ck_assert_str_eq(one.uid, UID);
	fixture_finish(&one, 0);
}
END_TEST

START_TEST(what_we_wrote_ourselves_is_no_reason_to_look_again)
{
	fixture_make_pair();
	for (int i = 0; i < PAIR_KINDS; i++)
		fixture_see(i, 100 + (uint64_t)i, 2);
	ck_assert_int_eq(pair_table_wait_ms(fixture_table, 2), -1);
}
END_TEST

START_TEST(a_companion_that_is_changed_or_deleted_is_looked_at)
{
	struct pair_job job;

	fixture_make_pair();
	if (_i % 2 == 0)
		fixture_see(_i / 2, 999, 2);
	else
		fixture_lose(_i / 2, 2);
	ck_assert(fixture_is_due(2));
	fixture_take(2, &job);
	ck_assert_uint_eq(job.seen[_i / 2], _i % 2 == 0 ? 999 : 0);
	fixture_finish(&job, 2);
}
END_TEST

START_TEST(what_a_list_does_not_have_any_more_is_lost)
{
	struct pair_job job;

	fixture_make_pair();
	pair_table_list(fixture_table, PAIR_SERVICE);
	pair_table_listed(fixture_table, PAIR_SERVICE, 2);
	fixture_take(2, &job);
	ck_assert_uint_eq(job.seen[PAIR_SERVICE], 0);
	fixture_finish(&job, 2);
	pair_table_list(fixture_table, PAIR_SOURCE_POD);
	pair_table_listed(fixture_table, PAIR_SOURCE_POD, 3);
	fixture_take(3, &job);
	ck_assert(!job.has_pod);
	fixture_finish(&job, 3);
}
END_TEST

/* The event of what a worker read may come before it is put back, or after it. */
START_TEST(an_event_that_comes_while_a_pair_is_looked_at_is_not_lost)
{
	struct pair_job job;

	fixture_see_pod(UID, false, 0);
	fixture_take(0, &job);
	job.right[PAIR_SUPERVISOR] = 10;
	fixture_see(PAIR_SUPERVISOR, 11, 0);
	pair_table_put_back(fixture_table, &job, PAIR_NEXT_EVENT, 0, 0);
	pair_job_done(&job);
	fixture_take(0, &job);
	ck_assert_uint_eq(job.seen[PAIR_SUPERVISOR], 11);
	fixture_finish(&job, 0);
}
END_TEST

/* What is made and gone again before its maker is done looks as if nothing had been there. */
START_TEST(what_is_deleted_while_it_is_made_is_not_taken_for_made)
{
	struct pair_job job;

	fixture_see_pod(UID, false, 0);
	fixture_take(0, &job);
	fixture_see(PAIR_EGRESS, 100, 0);
	fixture_lose(PAIR_EGRESS, 0);
	fixture_finish(&job, 0);
	fixture_take(0, &job);
	ck_assert_uint_eq(job.seen[PAIR_EGRESS], 0);
	fixture_finish(&job, 0);
}
END_TEST

START_TEST(a_failure_keeps_its_pause_whatever_is_seen)
{
	struct pair_job job;

	fixture_see_pod(UID, false, 0);
	fixture_take(0, &job);
	pair_table_put_back(fixture_table, &job, PAIR_NEXT_RETRY, 500, 0);
	pair_job_done(&job);
	fixture_see(PAIR_EGRESS, 5, 1);
	ck_assert_int_eq(pair_table_wait_ms(fixture_table, 1), 499);
	ck_assert(!pair_table_take(fixture_table, 499, &job));
	fixture_take(500, &job);
	ck_assert_uint_eq(job.failures, 1);
	pair_table_put_back(fixture_table, &job, PAIR_NEXT_RETRY, 500, 500);
	pair_job_done(&job);
	fixture_take(1000, &job);
	ck_assert_uint_eq(job.failures, 2);
	fixture_finish(&job, 1000);
	/* It is forgotten once it went well. */
	fixture_see(PAIR_EGRESS, 6, 1001);
	fixture_take(1001, &job);
	ck_assert_uint_eq(job.failures, 0);
	fixture_finish(&job, 1001);
}
END_TEST

START_TEST(what_fails_again_and_again_does_not_come_before_what_is_new)
{
	struct pair_job job;

	fixture_see_pod(UID, false, 0);
	fixture_take(0, &job);
	pair_table_put_back(fixture_table, &job, PAIR_NEXT_RETRY, 500, 0);
	pair_job_done(&job);
	fixture_see_pod(OTHER, false, 600);
	fixture_take(600, &job);
	ck_assert_str_eq(job.uid, OTHER);
	fixture_finish(&job, 600);
	fixture_take(600, &job);
	ck_assert_str_eq(job.uid, UID);
	fixture_finish(&job, 600);
}
END_TEST

/* It may have broken off before it came to that. */
START_TEST(what_was_seen_before_a_look_that_failed_is_still_to_be_done_after_it)
{
	struct pair_job job;

	fixture_make_pair();
	fixture_lose(PAIR_SERVICE, 2);
	fixture_see(PAIR_SUPERVISOR, 999, 2);
	fixture_lose(PAIR_EGRESS, 2);
	fixture_take(2, &job);
	/* This one it did come to. */
	job.right[PAIR_EGRESS] = 200;
	pair_table_put_back(fixture_table, &job, PAIR_NEXT_RETRY, 500, 2);
	pair_job_done(&job);
	fixture_take(502, &job);
	ck_assert_uint_eq(job.seen[PAIR_EGRESS], 200);
	ck_assert_uint_eq(job.right[PAIR_EGRESS], 200);
	ck_assert_uint_eq(job.seen[PAIR_SERVICE], 0);
	ck_assert_uint_ne(job.right[PAIR_SERVICE], 0);
	ck_assert_uint_eq(job.seen[PAIR_SUPERVISOR], 999);
	ck_assert_uint_ne(job.right[PAIR_SUPERVISOR], 999);
	fixture_finish(&job, 502);
	ck_assert_int_eq(pair_table_wait_ms(fixture_table, 502), -1);
}
END_TEST

/* Of a leader that has just begun, which found nothing right yet. */
START_TEST(companions_whose_pod_went_before_it_was_looked_at_are_not_forgotten)
{
	struct pair_job job;

	fixture_see_pod(UID, true, 0);
	fixture_see(PAIR_SUPERVISOR, 3, 0);
	fixture_lose(PAIR_SOURCE_POD, 1);
	fixture_take(1, &job);
	pair_table_put_back(fixture_table, &job, PAIR_NEXT_LATER, PAIR_ORPHAN_MS, 1);
	pair_job_done(&job);
	fixture_take(1 + PAIR_ORPHAN_MS, &job);
	ck_assert_uint_eq(job.seen[PAIR_SUPERVISOR], 3);
	pair_table_put_back(fixture_table, &job, PAIR_NEXT_EVENT, 0, 1 + PAIR_ORPHAN_MS);
	pair_job_done(&job);
	ck_assert_int_eq(pair_table_wait_ms(fixture_table, 1 + PAIR_ORPHAN_MS), -1);
}
END_TEST

START_TEST(a_pause_without_a_failure_ends_with_the_first_event)
{
	struct pair_job job;

	fixture_see_pod(UID, false, 0);
	fixture_take(0, &job);
	pair_table_put_back(fixture_table, &job, PAIR_NEXT_LATER, 30000, 0);
	pair_job_done(&job);
	ck_assert_int_eq(pair_table_wait_ms(fixture_table, 10), 29990);
	fixture_see(PAIR_SUPERVISOR, 3, 10);
	ck_assert(fixture_is_due(10));
}
END_TEST

START_TEST(companions_without_a_pod_are_left_to_the_garbage_collector_at_first)
{
	struct pair_job job;

	fixture_see(PAIR_SUPERVISOR, 3, 0);
	ck_assert_int_eq(pair_table_wait_ms(fixture_table, 0), PAIR_ORPHAN_MS);
	fixture_lose(PAIR_SUPERVISOR, 1);
	ck_assert_int_eq(pair_table_wait_ms(fixture_table, 1), -1);
	fixture_see(PAIR_SERVICE, 3, 2);
	fixture_take(2 + PAIR_ORPHAN_MS, &job);
	ck_assert(!job.has_pod);
	job.right[PAIR_SERVICE] = 0;
	pair_table_put_back(fixture_table, &job, PAIR_NEXT_EVENT, 0, 2 + PAIR_ORPHAN_MS);
	pair_job_done(&job);
	ck_assert_int_eq(pair_table_wait_ms(fixture_table, 2 + PAIR_ORPHAN_MS), -1);
}
END_TEST

START_TEST(a_pod_that_comes_after_its_companions_does_not_wait)
{
	fixture_see(PAIR_SUPERVISOR, 3, 0);
	fixture_see_pod(UID, false, 1);
	ck_assert(fixture_is_due(1));
}
END_TEST

START_TEST(a_pod_that_is_lost_is_looked_at_once_more_and_then_forgotten)
{
	struct pair_job job;

	fixture_make_pair();
	fixture_lose(PAIR_SOURCE_POD, 5);
	fixture_take(5, &job);
	ck_assert(!job.has_pod && !job.is_bound);
	ck_assert_int_eq(job.since_ms, 5);
	for (int i = 0; i < PAIR_KINDS; i++)
		job.right[i] = 0;
	pair_table_put_back(fixture_table, &job, PAIR_NEXT_EVENT, 0, 5);
	pair_job_done(&job);
	ck_assert_uint_eq(pair_table_counts(fixture_table).pods, 0);
	ck_assert_uint_eq(pair_table_counts(fixture_table).bound, 0);
	ck_assert_int_eq(pair_table_wait_ms(fixture_table, 6), -1);
}
END_TEST

START_TEST(a_namespace_is_closed_once_its_policy_was_found_right)
{
	struct pair_sight closed = { "shop", NULL, NULL, 9, false };
	struct pair_job job;

	pair_table_add_namespace(fixture_table, "shop", 0);
	pair_table_add_namespace(fixture_table, "shop", 0);
	ck_assert_ptr_nonnull(pair_table_why_open(fixture_table, "shop"));
	fixture_take(0, &job);
	ck_assert_str_eq(job.uid, "");
	job.right[PAIR_EGRESS] = 9;
	pair_table_put_back(fixture_table, &job, PAIR_NEXT_EVENT, 0, 0);
	pair_job_done(&job);
	ck_assert_ptr_null(pair_table_why_open(fixture_table, "shop"));
	ck_assert_ptr_nonnull(pair_table_why_open(fixture_table, "other"));
	pair_table_set(fixture_table, PAIR_EGRESS, &closed, 1);
	ck_assert_int_eq(pair_table_wait_ms(fixture_table, 1), -1);
	pair_table_deleted(fixture_table, PAIR_EGRESS, &closed, 2);
	ck_assert_ptr_nonnull(pair_table_why_open(fixture_table, "shop"));
	ck_assert(fixture_is_due(2));
}
END_TEST

static void close_namespace(const char *why)
{
	struct pair_job job;

	fixture_take(0, &job);
	job.right[PAIR_EGRESS] = *why == '\0' ? 9 : 0;
	snprintf(job.why, sizeof(job.why), "%s", why);
	pair_table_put_back(fixture_table, &job, PAIR_NEXT_EVENT, 0, 0);
	pair_job_done(&job);
}

START_TEST(a_namespace_is_open_again_until_a_policy_of_others_was_looked_at)
{
	pair_table_add_namespace(fixture_table, "shop", 0);
	close_namespace("");
	pair_table_touch_namespace(fixture_table, "shop");
	pair_table_touch_namespace(fixture_table, "other");
	ck_assert_ptr_nonnull(pair_table_why_open(fixture_table, "shop"));
	close_namespace("'x' opens it");
	ck_assert_str_eq(pair_table_why_open(fixture_table, "shop"), "'x' opens it");
	/* Also where it was not looked at for that. */
	struct pair_job job;
	pair_table_rouse(fixture_table, "shop");
	pair_table_touch_namespace(fixture_table, "shop");
	fixture_take(0, &job);
	job.right[PAIR_EGRESS] = 9;
	pair_table_put_back(fixture_table, &job, PAIR_NEXT_EVENT, 0, 0);
	pair_job_done(&job);
	ck_assert_str_eq(pair_table_why_open(fixture_table, "shop"), "'x' opens it");
	pair_table_touch_namespace(fixture_table, "shop");
	close_namespace("");
	ck_assert_ptr_null(pair_table_why_open(fixture_table, "shop"));
}
END_TEST

START_TEST(a_policy_that_comes_while_its_namespace_is_looked_at_is_looked_at_too)
{
	struct pair_job job;

	pair_table_add_namespace(fixture_table, "shop", 0);
	fixture_take(0, &job);
	pair_table_touch_namespace(fixture_table, "shop");
	job.right[PAIR_EGRESS] = 9;
	pair_table_put_back(fixture_table, &job, PAIR_NEXT_EVENT, 0, 0);
	pair_job_done(&job);
	ck_assert_ptr_nonnull(pair_table_why_open(fixture_table, "shop"));
	ck_assert(fixture_is_due(0));
}
END_TEST

START_TEST(a_namespace_that_is_not_opted_in_any_more_is_let_be)
{
	struct pair_job job;

	pair_table_add_namespace(fixture_table, "shop", 0);
	fixture_take(0, &job);
	job.is_wanted = false;
	pair_table_put_back(fixture_table, &job, PAIR_NEXT_EVENT, 0, 0);
	pair_job_done(&job);
	pair_table_add_namespace(fixture_table, "shop", 1);
	ck_assert(fixture_is_due(1));
}
END_TEST

START_TEST(the_same_id_in_another_namespace_is_another_pair)
{
	struct pair_sight fake = { "evil", UID, "web-1", 77, false };
	struct pair_job job;

	fixture_make_pair();
	pair_table_set(fixture_table, PAIR_SUPERVISOR, &fake, 2);
	ck_assert_int_eq(pair_table_wait_ms(fixture_table, 2), PAIR_ORPHAN_MS);
	fixture_take(2 + PAIR_ORPHAN_MS, &job);
	ck_assert_str_eq(job.namespace_name, "evil");
	fixture_finish(&job, 2 + PAIR_ORPHAN_MS);
}
END_TEST

/* With all its companions, and names as a Deployment makes them. */
START_TEST(a_pair_takes_less_than_a_kib)
{
	enum { PAIRS = 1000 };
	size_t before = mallinfo2().uordblks;

	for (int i = 0; i < PAIRS; i++) {
		char uid[PAIR_UID_SIZE];
		struct pair_sight sight = { "a-namespace-of-some-length", uid,
					    "checkout-service-7d9c5b6f4-x2x7k", 9, true };

		snprintf(uid, sizeof(uid), "%036d", i);
		for (int source = 0; source < PAIR_SOURCES; source++)
			pair_table_set(fixture_table, source, &sight, 0);
	}
	size_t each = (mallinfo2().uordblks - before) / PAIRS;
	ck_assert_uint_eq(pair_table_counts(fixture_table).pods, PAIRS);
	ck_assert_uint_le(each, 1024);
}
END_TEST

Suite *pair_table_suite(void);
Suite *pair_table_suite(void)
{
	Suite *suite = suite_create("pair_table");
	TCase *each = tcase_create("pair_table");

	tcase_add_checked_fixture(each, fixture_make_table, fixture_free_table);
	tcase_add_test(each, a_new_pod_is_looked_at_once);
	tcase_add_test(each, two_workers_never_have_the_same_pair);
	tcase_add_test(each, what_we_wrote_ourselves_is_no_reason_to_look_again);
	/* Nobody watches Secrets, but what is told of one counts, too: a look costs little. */
	tcase_add_loop_test(each, a_companion_that_is_changed_or_deleted_is_looked_at, 0,
			    2 * PAIR_KINDS);
	tcase_add_test(each, what_a_list_does_not_have_any_more_is_lost);
	tcase_add_test(each, an_event_that_comes_while_a_pair_is_looked_at_is_not_lost);
	tcase_add_test(each, what_is_deleted_while_it_is_made_is_not_taken_for_made);
	tcase_add_test(each, a_failure_keeps_its_pause_whatever_is_seen);
	tcase_add_test(each, what_fails_again_and_again_does_not_come_before_what_is_new);
	tcase_add_test(each, what_was_seen_before_a_look_that_failed_is_still_to_be_done_after_it);
	tcase_add_test(each, companions_whose_pod_went_before_it_was_looked_at_are_not_forgotten);
	tcase_add_test(each, a_pause_without_a_failure_ends_with_the_first_event);
	tcase_add_test(each, companions_without_a_pod_are_left_to_the_garbage_collector_at_first);
	tcase_add_test(each, a_pod_that_comes_after_its_companions_does_not_wait);
	tcase_add_test(each, a_pod_that_is_lost_is_looked_at_once_more_and_then_forgotten);
	tcase_add_test(each, a_namespace_is_closed_once_its_policy_was_found_right);
	tcase_add_test(each, a_namespace_is_open_again_until_a_policy_of_others_was_looked_at);
	tcase_add_test(each, a_policy_that_comes_while_its_namespace_is_looked_at_is_looked_at_too);
	tcase_add_test(each, a_namespace_that_is_not_opted_in_any_more_is_let_be);
	tcase_add_test(each, the_same_id_in_another_namespace_is_another_pair);
	tcase_add_test(each, a_pair_takes_less_than_a_kib);
	suite_add_tcase(suite, each);
	return suite;
}
