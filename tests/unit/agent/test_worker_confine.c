/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <sys/resource.h>

#include "agent/worker_confine.h"
#include "lib/cleanup.h"

static const struct {
	rlim_t soft, hard;
	size_t wanted;
	rlim_t soft_after;
} room_cases[] = {
	{ 64, 500, 300, 300 },
	{ 64, 500, 500, 500 },
	{ 64, 200, 300, 200 },
	{ 400, 500, 300, 400 },
};

START_TEST(there_is_room_for_descriptors_as_far_as_the_hard_limit_leaves_it)
{
	struct rlimit limit = { room_cases[_i].soft, room_cases[_i].hard };
	struct err err = { 0 };

	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_msg(worker_confine_room(room_cases[_i].wanted, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_uint_eq(limit.rlim_cur, room_cases[_i].soft_after);
	ck_assert_uint_eq(limit.rlim_max, room_cases[_i].hard);
}
END_TEST

Suite *worker_confine_suite(void);

Suite *worker_confine_suite(void)
{
	Suite *suite = suite_create("worker_confine");
	TCase *tc = tcase_create("room");

	tcase_add_loop_test(tc, there_is_room_for_descriptors_as_far_as_the_hard_limit_leaves_it, 0,
			    (int)ARRAY_LEN(room_cases));
	suite_add_tcase(suite, tc);
	return suite;
}
