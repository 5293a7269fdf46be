/* SPDX-License-Identifier: Apache-2.0 */
/* How namespaces share what the table of pairs has: its places, and the turns of the work. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "tests/unit/pair_table_fixture.h"
#include "webhook/pair_table.h"

static bool see_nth_pod(const char *namespace_name, int i)
{
	char uid[PAIR_UID_SIZE];
	struct pair_sight sight = { namespace_name, uid, "web-1", 1, false };

	snprintf(uid, sizeof(uid), "%036d", i);
	return pair_table_set(fixture_table, PAIR_SOURCE_POD, &sight, 0);
}

START_TEST(what_finds_no_place_is_counted)
{
	for (int i = 0; i < PAIR_TABLE_MAX + 3; i++) {
		char name[32];

		snprintf(name, sizeof(name), "shop-%d", i / PAIR_NAMESPACE_MAX);
		ck_assert(see_nth_pod(name, i) == (i < PAIR_TABLE_MAX));
	}
	ck_assert_uint_eq(pair_table_counts(fixture_table).pods, PAIR_TABLE_MAX);
	ck_assert_uint_eq(pair_table_counts(fixture_table).refused, 3);
	/* A namespace that is opted in is closed all the same. */
	pair_table_add_namespace(fixture_table, "late", 0);
	struct pair_job job;
	for (;;) {
		fixture_take(0, &job);
		if (strcmp(job.namespace_name, "late") == 0)
			break;
		pair_table_put_back(fixture_table, &job, PAIR_NEXT_EVENT, 0, 0);
		pair_job_done(&job);
	}
	ck_assert(job.is_wanted && job.has_missed);
	fixture_finish(&job, 0);
}
END_TEST

START_TEST(no_namespace_takes_the_places_of_another)
{
	struct pair_job job;

	for (int i = 0; i < PAIR_NAMESPACE_MAX; i++)
		ck_assert(see_nth_pod("crowd", i));
	ck_assert(!see_nth_pod("crowd", PAIR_NAMESPACE_MAX));
	ck_assert(see_nth_pod("shop", 0));
	/* Its own policy has a place. Then its pods are looked for, and again as long as there are too many. */
	pair_table_add_namespace(fixture_table, "crowd", 0);
	fixture_take(0, &job);
	ck_assert_str_eq(job.uid, "");
	ck_assert(job.has_missed);
	ck_assert(!see_nth_pod("crowd", PAIR_NAMESPACE_MAX));
	job.has_missed = false;
	job.right[PAIR_EGRESS] = 9;
	pair_table_put_back(fixture_table, &job, PAIR_NEXT_EVENT, 0, 0);
	pair_job_done(&job);
	while (pair_table_take(fixture_table, 0, &job))
		fixture_finish(&job, 0);
	ck_assert_int_eq(pair_table_wait_ms(fixture_table, 0), PAIR_MISSED_MS);
	fixture_take(PAIR_MISSED_MS, &job);
	ck_assert(job.has_missed);
	job.has_missed = false;
	pair_table_put_back(fixture_table, &job, PAIR_NEXT_EVENT, 0, PAIR_MISSED_MS);
	pair_job_done(&job);
	ck_assert_int_eq(pair_table_wait_ms(fixture_table, PAIR_MISSED_MS), -1);
}
END_TEST

START_TEST(the_pods_of_one_namespace_keep_nobody_else_waiting)
{
	struct pair_job job;

	for (int i = 0; i < 1000; i++)
		see_nth_pod("crowd", i);
	see_nth_pod("shop", 0);
	fixture_take(0, &job);
	fixture_finish(&job, 0);
	fixture_take(0, &job);
	ck_assert_str_eq(job.namespace_name, "shop");
	fixture_finish(&job, 0);
}
END_TEST

START_TEST(a_pair_that_runs_does_not_wait_for_new_ones)
{
	struct pair_job job;

	fixture_make_pair();
	for (int i = 0; i < 1000; i++)
		see_nth_pod("shop", i);
	fixture_lose(PAIR_SERVICE, 2);
	bool is_looked_at = false;
	for (int i = 0; i < 2; i++) {
		fixture_take(2, &job);
		is_looked_at |= job.is_bound;
		fixture_finish(&job, 2);
	}
	ck_assert(is_looked_at);
}
END_TEST

static void refuse(int64_t now_ms)
{
	struct pair_job job;

	fixture_take(now_ms, &job);
	pair_table_put_back(fixture_table, &job, PAIR_NEXT_REST, 0, now_ms);
	pair_job_done(&job);
}

START_TEST(what_was_refused_rests_until_its_pod_or_its_namespace_is_another)
{
	struct pair_sight sight = fixture_pod_of(UID, false);
	struct pair_job job;

	fixture_see_pod(UID, false, 0);
	refuse(0);
	fixture_see_pod(UID, false, 1);
	pair_table_rouse(fixture_table, "other");
	ck_assert_int_eq(pair_table_wait_ms(fixture_table, 1), -1);
	pair_table_rouse(fixture_table, "shop");
	refuse(1);
	sight.mark = 2;
	pair_table_set(fixture_table, PAIR_SOURCE_POD, &sight, 2);
	fixture_take(2, &job);
	/* Meanwhile, so that nobody knows which one it was refused for. */
	sight.mark = 3;
	pair_table_set(fixture_table, PAIR_SOURCE_POD, &sight, 2);
	pair_table_put_back(fixture_table, &job, PAIR_NEXT_REST, 0, 2);
	pair_job_done(&job);
	fixture_take(2, &job);
	pair_table_rouse(fixture_table, "shop");
	pair_table_put_back(fixture_table, &job, PAIR_NEXT_REST, 0, 2);
	pair_job_done(&job);
	refuse(2);
	ck_assert_int_eq(pair_table_wait_ms(fixture_table, 2), -1);
	fixture_lose(PAIR_SOURCE_POD, 3);
	ck_assert(fixture_is_due(3));
}
END_TEST

Suite *pair_places_suite(void);
Suite *pair_places_suite(void)
{
	Suite *suite = suite_create("pair_places");
	TCase *each = tcase_create("pair_places");

	tcase_add_checked_fixture(each, fixture_make_table, fixture_free_table);
	tcase_add_test(each, what_finds_no_place_is_counted);
	tcase_add_test(each, no_namespace_takes_the_places_of_another);
	tcase_add_test(each, the_pods_of_one_namespace_keep_nobody_else_waiting);
	tcase_add_test(each, a_pair_that_runs_does_not_wait_for_new_ones);
	tcase_add_test(each, what_was_refused_rests_until_its_pod_or_its_namespace_is_another);
	suite_add_tcase(suite, each);
	return suite;
}
