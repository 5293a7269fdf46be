/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "lib/cleanup.h"
#include "webhook/serving_cert.h"

enum { DAY_S = 86400 };

static const struct {
	struct serving_cert_life life;
	int64_t now_s;
	bool is_late;
} cases[] = {
	{ { 0, 90 * DAY_S }, 76 * DAY_S, false },
	{ { 0, 90 * DAY_S }, 76 * DAY_S + 1, true },
	{ { 0, 90 * DAY_S }, 91 * DAY_S, true },
	{ { 100 * DAY_S, 101 * DAY_S }, 100 * DAY_S + DAY_S * 3 / 4, false },
	{ { 100 * DAY_S, 101 * DAY_S }, 100 * DAY_S + DAY_S * 3 / 4 + 1, true },
	{ { DAY_S, DAY_S }, DAY_S + 1, true },
	{ { DAY_S, 0 }, DAY_S, false },
	{ { 0, 0 }, DAY_S, false },
};

START_TEST(a_certificate_is_late_two_weeks_before_its_end_or_a_quarter_of_its_life)
{
	ck_assert_int_eq(serving_cert_is_late(&cases[_i].life, cases[_i].now_s), cases[_i].is_late);
}
END_TEST

Suite *serving_cert_suite(void);
Suite *serving_cert_suite(void)
{
	Suite *suite = suite_create("serving_cert");
	TCase *each = tcase_create("serving_cert");

	tcase_add_loop_test(each,
			    a_certificate_is_late_two_weeks_before_its_end_or_a_quarter_of_its_life,
			    0, ARRAY_LEN(cases));
	suite_add_tcase(suite, each);
	return suite;
}
