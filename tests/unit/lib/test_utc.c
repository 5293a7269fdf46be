/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "lib/cleanup.h"
#include "lib/utc.h"

static void check_same(int64_t at)
{
	time_t time = at;
	struct tm want, got;

	ck_assert_ptr_nonnull(gmtime_r(&time, &want));
	ck_assert_int_eq(utc_split(at, &got), 0);
	ck_assert_msg(got.tm_year == want.tm_year && got.tm_mon == want.tm_mon &&
			      got.tm_mday == want.tm_mday && got.tm_hour == want.tm_hour &&
			      got.tm_min == want.tm_min && got.tm_sec == want.tm_sec &&
			      got.tm_wday == want.tm_wday && got.tm_yday == want.tm_yday &&
			      got.tm_isdst == 0 && got.tm_gmtoff == 0,
		      "%lld: %d-%d-%d %d:%d:%d weekday %d day %d", (long long)at, got.tm_year,
		      got.tm_mon, got.tm_mday, got.tm_hour, got.tm_min, got.tm_sec, got.tm_wday,
		      got.tm_yday);
}

/* A step of some days and seconds meets each kind of day. */
START_TEST(dates_are_those_of_libc)
{
	const int64_t step = 173 * 86400 + 7919;

	for (int64_t at = INT64_C(-62167219200); at < INT64_C(253402300800); at += step)
		check_same(at);
}
END_TEST

START_TEST(the_edges_of_days_and_years_are_right)
{
	static const int64_t edges[] = {
		0,          -1,         951782399,  951782400,  951868800,    1709164800,
		1709251199, 4107542400, 4102444799, 4102444800, -62167219200, 253402300799,
	};

	check_same(edges[_i]);
}
END_TEST

START_TEST(what_lies_outside_is_refused)
{
	static const int64_t outside[] = { INT64_C(-62167219201), INT64_C(253402300800), INT64_MIN,
					   INT64_MAX };
	struct tm out;

	ck_assert_int_eq(utc_split(outside[_i], &out), -1);
}
END_TEST

Suite *utc_suite(void);
Suite *utc_suite(void)
{
	Suite *s = suite_create("utc");
	TCase *tc = tcase_create("utc");

	tcase_add_test(tc, dates_are_those_of_libc);
	tcase_add_loop_test(tc, the_edges_of_days_and_years_are_right, 0, 12);
	tcase_add_loop_test(tc, what_lies_outside_is_refused, 0, 4);
	suite_add_tcase(s, tc);
	return s;
}
