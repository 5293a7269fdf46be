/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/identity/hints.h"

#include <check.h>

enum { ME = 7, OTHER = 8 };

static void expect(const struct hints *hints, pid_t pid, const unsigned *numbers, size_t n)
{
	size_t at = 0;
	unsigned number;

	for (size_t i = 0; i < n; i++) {
		ck_assert(hints_next(hints, pid, &at, &number));
		ck_assert_uint_eq(number, numbers[i]);
	}
	ck_assert(!hints_next(hints, pid, &at, &number));
}

START_TEST(there_are_none_at_first)
{
	struct hints hints = { 0 };

	expect(&hints, ME, NULL, 0);
}
END_TEST

START_TEST(the_oldest_of_a_process_comes_first)
{
	struct hints hints = { 0 };

	hints_keep(&hints, ME, 5);
	hints_keep(&hints, OTHER, 4);
	hints_keep(&hints, ME, 6);
	hints_keep(&hints, ME, 7);
	expect(&hints, ME, (const unsigned[]){ 5, 6, 7 }, 3);
	expect(&hints, OTHER, (const unsigned[]){ 4 }, 1);
}
END_TEST

START_TEST(one_that_is_kept_again_is_the_newest)
{
	struct hints hints = { 0 };

	for (unsigned i = 0; i < 3; i++)
		hints_keep(&hints, ME, i);
	hints_keep(&hints, ME, 0);
	hints_keep(&hints, OTHER, 1);
	expect(&hints, ME, (const unsigned[]){ 1, 2, 0 }, 3);
	hints_keep(&hints, ME, 0);
	expect(&hints, ME, (const unsigned[]){ 1, 2, 0 }, 3);
}
END_TEST

START_TEST(a_full_list_loses_its_oldest)
{
	struct hints hints = { 0 };
	unsigned numbers[HINTS_MAX];

	for (unsigned i = 0; i < HINTS_MAX + 3; i++)
		hints_keep(&hints, ME, i);
	for (unsigned i = 0; i < HINTS_MAX; i++)
		numbers[i] = i + 3;
	expect(&hints, ME, numbers, HINTS_MAX);
}
END_TEST

START_TEST(the_newest_of_a_process_is_known)
{
	struct hints hints = { 0 };
	unsigned number = 0;

	hints_keep(&hints, ME, 9);
	hints_keep(&hints, ME, 5);
	hints_keep(&hints, OTHER, 4);
	ck_assert(hints_newest(&hints, ME, &number));
	ck_assert_uint_eq(number, 5);
	ck_assert(!hints_newest(&hints, 1, &number));
}
END_TEST

Suite *identity_hints_suite(void);
Suite *identity_hints_suite(void)
{
	Suite *s = suite_create("identity_hints");
	TCase *tc = tcase_create("hints");

	tcase_add_test(tc, there_are_none_at_first);
	tcase_add_test(tc, the_oldest_of_a_process_comes_first);
	tcase_add_test(tc, one_that_is_kept_again_is_the_newest);
	tcase_add_test(tc, a_full_list_loses_its_oldest);
	tcase_add_test(tc, the_newest_of_a_process_is_known);
	suite_add_tcase(s, tc);
	return s;
}
