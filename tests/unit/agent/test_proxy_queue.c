/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>

#include "agent/proxy/queue.h"
#include "lib/cleanup.h"

START_TEST(bytes_come_out_as_they_went_in)
{
	AUTO(queue_done) struct queue q = { 0 };
	uint8_t in = 0;
	uint8_t out = 0;

	/* Amounts that do not divide anything, so that every position of the memory is met. */
	for (int round = 0; round < 2000; round++) {
		size_t want = (size_t)round * 37 % 701 + 1;
		size_t room;
		uint8_t *to = queue_room(&q, want, 4096, &room);

		ck_assert(room >= want || q.n + room == 4096);
		for (size_t i = 0; i < room && i < want; i++)
			to[i] = in++;
		queue_filled(&q, room < want ? room : want);
		size_t take = (size_t)round * 53 % 719 % (q.n + 1);
		bool same = true;
		for (size_t i = 0; i < take; i++)
			same &= queue_bytes(&q).p[i] == out++;
		ck_assert(same);
		queue_take(&q, take);
	}
}
END_TEST

START_TEST(a_queue_holds_no_more_than_it_may)
{
	AUTO(queue_done) struct queue q = { 0 };
	size_t room;

	queue_room(&q, 100000, 1000, &room);
	ck_assert_uint_eq(room, 1000);
	queue_filled(&q, 1000);
	ck_assert_ptr_null(queue_room(&q, 1, 1000, &room));
	ck_assert_uint_eq(room, 0);
	queue_take(&q, 1);
	queue_room(&q, 1, 1000, &room);
	ck_assert_uint_eq(room, 1);
}
END_TEST

START_TEST(an_empty_queue_gives_its_memory_back)
{
	AUTO(queue_done) struct queue q = { 0 };

	queue_put(&q, slice_text("abc"));
	queue_rest(&q);
	ck_assert_ptr_nonnull(q.p);
	queue_take(&q, 3);
	queue_rest(&q);
	ck_assert_ptr_null(q.p);
	ck_assert_uint_eq(queue_bytes(&q).n, 0);
	queue_put(&q, (struct slice){ 0 });
	ck_assert_ptr_null(q.p);
}
END_TEST

Suite *proxy_queue_suite(void);
Suite *proxy_queue_suite(void)
{
	Suite *s = suite_create("proxy_queue");
	TCase *tc = tcase_create("proxy_queue");

	tcase_add_test(tc, bytes_come_out_as_they_went_in);
	tcase_add_test(tc, a_queue_holds_no_more_than_it_may);
	tcase_add_test(tc, an_empty_queue_gives_its_memory_back);
	suite_add_tcase(s, tc);
	return s;
}
