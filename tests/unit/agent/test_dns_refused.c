/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/dns_refused.h"

#include <check.h>
#include <stdio.h>

static struct host_name numbered(unsigned n)
{
	struct host_name name;

	name.n = (size_t)snprintf(name.text, sizeof(name.text), "n%u.test", n);
	return name;
}

START_TEST(a_name_is_told_once_in_a_while)
{
	struct dns_refused refused = { 0 };
	struct host_name one = numbered(1), two = numbered(2);
	uint64_t untold = 99;

	ck_assert(dns_refused_tell(&refused, &one, 0, &untold));
	ck_assert_uint_eq(untold, 0);
	ck_assert(!dns_refused_tell(&refused, &one, 1, &untold));
	ck_assert(dns_refused_tell(&refused, &two, 2, &untold));
	ck_assert_uint_eq(untold, 1);
	ck_assert(!dns_refused_tell(&refused, &one, DNS_REFUSED_AGAIN_MS - 1, &untold));
	ck_assert(dns_refused_tell(&refused, &one, DNS_REFUSED_AGAIN_MS, &untold));
	ck_assert_uint_eq(untold, 1);
	ck_assert(!dns_refused_tell(&refused, &one, DNS_REFUSED_AGAIN_MS + 1, &untold));
}
END_TEST

START_TEST(no_more_names_than_so_many_are_told)
{
	struct dns_refused refused = { 0 };
	uint64_t untold = 0, told = 0;

	for (unsigned i = 0; i < 1000; i++) {
		struct host_name name = numbered(i);

		told += dns_refused_tell(&refused, &name, i, &untold);
	}
	ck_assert_uint_eq(told, DNS_REFUSED_NAMES);
	struct host_name later = numbered(5000);
	ck_assert(dns_refused_tell(&refused, &later, DNS_REFUSED_AGAIN_MS, &untold));
	ck_assert_uint_eq(untold, 1000 - DNS_REFUSED_NAMES);
}
END_TEST

Suite *dns_refused_suite(void);
Suite *dns_refused_suite(void)
{
	Suite *s = suite_create("dns_refused");
	TCase *tc = tcase_create("dns_refused");

	tcase_add_test(tc, a_name_is_told_once_in_a_while);
	tcase_add_test(tc, no_more_names_than_so_many_are_told);
	suite_add_tcase(s, tc);
	return s;
}
