/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "webhook/pair_queue.h"

enum { ITEMS = 64 };

static struct pair_queue queue;
static struct pair_share shop, bank;
static struct pair_item items[ITEMS];

static void make_queue(void)
{
	pair_queue_init(&queue);
	pair_share_init(&shop);
	pair_share_init(&bank);
	memset(items, 0, sizeof(items));
	for (int i = 0; i < ITEMS; i++)
		items[i].share = &shop;
}

static void free_queue(void)
{
	pair_queue_done(&queue);
}

static void put(int i, enum pair_rank rank)
{
	pair_queue_put(&queue, &items[i], rank);
}

static int next(int64_t now_ms)
{
	const struct pair_item *item = pair_queue_next(&queue, now_ms);

	return item != NULL ? (int)(item - items) : -1;
}

START_TEST(what_comes_first_is_taken_first)
{
	put(2, PAIR_RANK_WAITING);
	put(0, PAIR_RANK_WAITING);
	put(2, PAIR_RANK_WAITING);
	ck_assert_int_eq(pair_queue_wait_ms(&queue, 0), 0);
	ck_assert_int_eq(next(0), 2);
	ck_assert_int_eq(next(0), 0);
	ck_assert_int_eq(next(0), -1);
	ck_assert_int_eq(pair_queue_wait_ms(&queue, 0), -1);
}
END_TEST

START_TEST(namespaces_take_turns_however_much_one_of_them_has)
{
	for (int i = 0; i < 10; i++)
		put(i, PAIR_RANK_WAITING);
	ck_assert_int_eq(next(0), 0);
	items[20].share = items[21].share = &bank;
	put(20, PAIR_RANK_WAITING);
	put(21, PAIR_RANK_WAITING);
	static const int order[] = { 1, 20, 2, 21, 3, 4 };
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		ck_assert_int_eq(next(0), order[i]);
}
END_TEST

START_TEST(what_runs_and_what_waits_take_turns)
{
	for (int i = 0; i < 3; i++)
		put(i, PAIR_RANK_WAITING);
	for (int i = 10; i < 13; i++)
		put(i, PAIR_RANK_RUNNING);
	static const int order[] = { 10, 0, 11, 1, 12, 2, -1 };
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		ck_assert_int_eq(next(0), order[i]);
}
END_TEST

START_TEST(what_pauses_comes_in_the_order_of_its_time)
{
	for (int i = 0; i < ITEMS; i++)
		pair_queue_delay(&queue, &items[i], PAIR_RANK_WAITING, i * 37 % ITEMS);
	/* Those that are taken out leave the others in order. */
	for (int i = 0; i < ITEMS; i += 3)
		pair_queue_remove(&queue, &items[i]);
	int64_t before = 0;
	for (int n = ITEMS - (ITEMS + 2) / 3; n > 0; n--) {
		int64_t wait_ms = pair_queue_wait_ms(&queue, 0);
		ck_assert_int_gt(wait_ms, before);
		before = wait_ms;
		ck_assert_int_eq(next(wait_ms - 1), -1);
		int i = next(wait_ms);
		ck_assert(i >= 0 && i % 3 != 0);
		ck_assert_int_eq(items[i].due_ms, wait_ms);
	}
	ck_assert_int_eq(pair_queue_wait_ms(&queue, 0), -1);
}
END_TEST

START_TEST(a_pause_that_ends_comes_behind_what_is_due)
{
	pair_queue_delay(&queue, &items[0], PAIR_RANK_WAITING, 5);
	put(1, PAIR_RANK_WAITING);
	ck_assert_int_eq(next(9), 1);
	ck_assert_int_eq(next(9), 0);
}
END_TEST

START_TEST(one_that_is_put_again_is_there_once)
{
	pair_queue_delay(&queue, &items[0], PAIR_RANK_WAITING, 5);
	pair_queue_delay(&queue, &items[0], PAIR_RANK_WAITING, 9);
	ck_assert_int_eq(pair_queue_wait_ms(&queue, 0), 9);
	put(0, PAIR_RANK_WAITING);
	put(0, PAIR_RANK_RUNNING);
	ck_assert_int_eq(next(0), 0);
	ck_assert_int_eq(next(100), -1);
}
END_TEST

Suite *pair_queue_suite(void);
Suite *pair_queue_suite(void)
{
	Suite *suite = suite_create("pair_queue");
	TCase *each = tcase_create("pair_queue");

	tcase_add_checked_fixture(each, make_queue, free_queue);
	tcase_add_test(each, what_comes_first_is_taken_first);
	tcase_add_test(each, namespaces_take_turns_however_much_one_of_them_has);
	tcase_add_test(each, what_runs_and_what_waits_take_turns);
	tcase_add_test(each, what_pauses_comes_in_the_order_of_its_time);
	tcase_add_test(each, a_pause_that_ends_comes_behind_what_is_due);
	tcase_add_test(each, one_that_is_put_again_is_there_once);
	suite_add_tcase(suite, each);
	return suite;
}
