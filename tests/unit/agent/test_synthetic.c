/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/synthetic.h"

#include <check.h>
#include <stdio.h>

#include "lib/cleanup.h"

static struct host_name name_of(const char *text)
{
	struct host_name name = { 0 };

	ck_assert(host_normalise(slice_text(text), &name));
	return name;
}

static struct host_name numbered(unsigned n)
{
	char text[32];

	snprintf(text, sizeof(text), "n%u.wild.test", n);
	return name_of(text);
}

static struct address address_of(const char *text)
{
	struct address address;

	ck_assert(address_parse(slice_text(text), &address));
	return address;
}

static bool same(struct address a, struct address b)
{
	return memcmp(&a, &b, sizeof(a)) == 0;
}

START_TEST(an_address_stands_for_the_name_that_it_was_given_for)
{
	AUTO(synthetic_done) struct synthetic table = { 0 };
	struct host_name one = name_of("one.test"), two = name_of("two.test");
	struct address first, second, again;

	ck_assert(synthetic_address(&table, &one, false, &first));
	ck_assert(synthetic_address(&table, &two, true, &second));
	ck_assert(synthetic_address(&table, &one, true, &again));
	ck_assert(same(first, address_of("198.18.0.1")) && same(first, again));
	ck_assert(same(second, address_of("198.18.0.2")));
	ck_assert_str_eq(synthetic_name(&table, first)->text, "one.test");
	ck_assert_str_eq(synthetic_name(&table, second)->text, "two.test");
}
END_TEST

START_TEST(an_address_that_was_not_given_stands_for_nothing)
{
	static const char *const addresses[] = { "198.18.0.0",  "198.18.0.2",   "198.19.255.255",
						 "192.0.2.1",   "198.20.0.1",   "0.0.0.1",
						 "2001:db8::1", "::198.18.0.1", "64:ff9b::c612:1",
						 "198.19.0.1" };
	AUTO(synthetic_done) struct synthetic table = { 0 };
	struct host_name one = name_of("one.test");
	struct address given;

	ck_assert(synthetic_address(&table, &one, false, &given));
	ck_assert_msg(synthetic_name(&table, address_of(addresses[_i])) == NULL, "%s",
		      addresses[_i]);
}
END_TEST

START_TEST(the_range_is_198_18_0_0_15)
{
	ck_assert(synthetic_covers(address_of("198.18.0.0")));
	ck_assert(synthetic_covers(address_of("198.19.255.255")));
	ck_assert(synthetic_covers(address_of("::ffff:198.18.0.1")));
	ck_assert(!synthetic_covers(address_of("198.17.255.255")));
	ck_assert(!synthetic_covers(address_of("198.20.0.0")));
	ck_assert(!synthetic_covers(address_of("2001:db8::1")));
}
END_TEST

/* Whatever is asked for afterwards: no address ever stands for another name. */
START_TEST(names_by_wildcard_end_and_take_nothing_from_anybody)
{
	AUTO(synthetic_done) struct synthetic table = { 0 };
	struct address addresses[16], address;

	for (unsigned i = 0; i < SYNTHETIC_WILD_MAX; i++) {
		struct host_name name = numbered(i);

		ck_assert(synthetic_address(&table, &name, true,
					    i < ARRAY_LEN(addresses) ? &addresses[i] : &address));
	}
	struct host_name more = numbered(SYNTHETIC_WILD_MAX), exact = name_of("exact.test");
	ck_assert(!synthetic_address(&table, &more, true, &address));
	ck_assert(synthetic_address(&table, &exact, false, &address));
	for (unsigned i = 0; i < ARRAY_LEN(addresses); i++) {
		struct host_name name = numbered(i);

		ck_assert_str_eq(synthetic_name(&table, addresses[i])->text, name.text);
		ck_assert(synthetic_address(&table, &name, true, &address));
		ck_assert(same(address, addresses[i]));
	}
}
END_TEST

START_TEST(the_last_address_is_the_last)
{
	AUTO(synthetic_done) struct synthetic table = { 0 };
	struct address address;

	for (unsigned i = 0; i < SYNTHETIC_MAX; i++) {
		struct host_name name = numbered(i);

		ck_assert(synthetic_address(&table, &name, false, &address));
	}
	ck_assert(same(address, address_of("198.18.127.254")));
	ck_assert_str_eq(synthetic_name(&table, address)->text, numbered(SYNTHETIC_MAX - 1).text);
	struct host_name more = numbered(SYNTHETIC_MAX);
	ck_assert(!synthetic_address(&table, &more, false, &address));
}
END_TEST

/* What a program kept from one proxy means nothing to the next ones. */
START_TEST(tables_that_follow_each_other_share_no_address)
{
	struct host_name one = name_of("one.test");
	struct address addresses[SYNTHETIC_TABLES];

	for (unsigned i = 0; i < SYNTHETIC_TABLES; i++) {
		AUTO(synthetic_done) struct synthetic table = { .table = i };

		ck_assert(synthetic_address(&table, &one, false, &addresses[i]));
		ck_assert(synthetic_covers(addresses[i]));
		ck_assert_str_eq(synthetic_name(&table, addresses[i])->text, "one.test");
		for (unsigned k = 0; k < i; k++)
			ck_assert_ptr_null(synthetic_name(&table, addresses[k]));
	}
	ck_assert(same(addresses[3], address_of("198.19.128.1")));
	AUTO(synthetic_done) struct synthetic first = { 0 };
	ck_assert(synthetic_address(&first, &one, false, &addresses[0]));
	for (unsigned i = 1; i < SYNTHETIC_TABLES; i++)
		ck_assert_ptr_null(synthetic_name(&first, addresses[i]));
}
END_TEST

Suite *synthetic_suite(void);
Suite *synthetic_suite(void)
{
	Suite *s = suite_create("synthetic");
	TCase *tc = tcase_create("synthetic");

	tcase_add_test(tc, an_address_stands_for_the_name_that_it_was_given_for);
	tcase_add_loop_test(tc, an_address_that_was_not_given_stands_for_nothing, 0, 10);
	tcase_add_test(tc, the_range_is_198_18_0_0_15);
	tcase_add_test(tc, names_by_wildcard_end_and_take_nothing_from_anybody);
	tcase_add_test(tc, the_last_address_is_the_last);
	tcase_add_test(tc, tables_that_follow_each_other_share_no_address);
	suite_add_tcase(s, tc);
	return s;
}
