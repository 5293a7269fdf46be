/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/lru.h"
#include "lib/mem.h"

static int released;

static void release(void *value)
{
	released++;
	free(value);
}

static void put(struct lru *lru, const char *key)
{
	lru_put(lru, key, mem_strdup(key));
}

START_TEST(the_one_that_was_used_longest_ago_makes_room)
{
	AUTO(lru_done) struct lru lru = lru_init(3, release);

	released = 0;
	put(&lru, "a");
	put(&lru, "b");
	put(&lru, "c");
	ck_assert_str_eq(lru_get(&lru, "a"), "a");
	put(&lru, "d");
	ck_assert_ptr_null(lru_get(&lru, "b"));
	ck_assert_ptr_nonnull(lru_get(&lru, "a"));
	ck_assert_ptr_nonnull(lru_get(&lru, "c"));
	ck_assert_ptr_nonnull(lru_get(&lru, "d"));
	ck_assert_int_eq(released, 1);
	ck_assert_uint_eq(lru.evicted, 1);
}
END_TEST

START_TEST(a_second_value_takes_the_place_of_the_first)
{
	AUTO(lru_done) struct lru lru = lru_init(1, release);

	released = 0;
	put(&lru, "a");
	lru_put(&lru, "a", mem_strdup("again"));
	ck_assert_str_eq(lru_get(&lru, "a"), "again");
	ck_assert_uint_eq(lru.n, 1);
	ck_assert_int_eq(released, 1);
	ck_assert_uint_eq(lru.evicted, 0);
}
END_TEST

START_TEST(what_is_removed_is_gone_and_the_rest_stays_in_order)
{
	AUTO(lru_done) struct lru lru = lru_init(3, release);

	put(&lru, "a");
	put(&lru, "b");
	put(&lru, "c");
	lru_remove(&lru, "b");
	lru_remove(&lru, "b");
	lru_remove(&lru, "never there");
	ck_assert_ptr_null(lru_get(&lru, "b"));
	ck_assert_uint_eq(lru.n, 2);
	put(&lru, "d");
	put(&lru, "e");
	ck_assert_ptr_null(lru_get(&lru, "a"));
	ck_assert_ptr_nonnull(lru_get(&lru, "c"));
}
END_TEST

START_TEST(many_keys_are_found_and_counted)
{
	AUTO(lru_done) struct lru lru = lru_init(1000, release);
	char key[16];

	released = 0;
	for (int i = 0; i < 10000; i++) {
		snprintf(key, sizeof(key), "key-%d", i);
		put(&lru, key);
	}
	ck_assert_uint_eq(lru.n, 1000);
	ck_assert_int_eq(released, 9000);
	for (int i = 0; i < 10000; i++) {
		snprintf(key, sizeof(key), "key-%d", i);
		ck_assert_int_eq(lru_get(&lru, key) != NULL, i >= 9000);
	}
	lru_done(&lru);
	ck_assert_int_eq(released, 10000);
}
END_TEST

Suite *lru_suite(void);
Suite *lru_suite(void)
{
	Suite *s = suite_create("lru");
	TCase *tc = tcase_create("lru");

	tcase_add_test(tc, the_one_that_was_used_longest_ago_makes_room);
	tcase_add_test(tc, a_second_value_takes_the_place_of_the_first);
	tcase_add_test(tc, what_is_removed_is_gone_and_the_rest_stays_in_order);
	tcase_add_test(tc, many_keys_are_found_and_counted);
	suite_add_tcase(s, tc);
	return s;
}
