/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "agent/proxy/destination.h"
#include "lib/cleanup.h"

static struct address address(const char *text)
{
	struct address out;

	ck_assert_msg(address_parse(slice_text(text), &out), "%s", text);
	return out;
}

enum { MAX = 4 };

#define EXACT true
#define WILD false

static const struct {
	const char *host;
	uint16_t port;
	const char *allowed[MAX]; /* allowed_ips; {0}: none */
	bool exact;
	const char *addresses[MAX];
	enum destination_verdict want;
	enum destination_mode mode;
} check_cases[] = {
	/* A wildcard: public addresses only. */
	{ "a.example.com",
	  443,
	  { 0 },
	  WILD,
	  { "93.184.215.14" },
	  DESTINATION_ALLOW,
	  DESTINATION_OPEN },
	{ "a.example.com",
	  443,
	  { 0 },
	  WILD,
	  { "93.184.215.14", "2606:4700::1" },
	  DESTINATION_ALLOW,
	  DESTINATION_OPEN },
	{ "a.example.com",
	  443,
	  { 0 },
	  WILD,
	  { "10.0.0.7" },
	  DESTINATION_DENY_INTERNAL,
	  DESTINATION_OPEN },
	{ "a.example.com",
	  443,
	  { 0 },
	  WILD,
	  { "93.184.215.14", "10.0.0.7" },
	  DESTINATION_DENY_INTERNAL,
	  DESTINATION_OPEN },
	{ "a.example.com",
	  443,
	  { 0 },
	  WILD,
	  { "10.0.0.7", "93.184.215.14" },
	  DESTINATION_DENY_INTERNAL,
	  DESTINATION_OPEN },
	{ "a.example.com",
	  443,
	  { 0 },
	  WILD,
	  { "93.184.215.14", "127.0.0.1" },
	  DESTINATION_DENY_BLOCKED,
	  DESTINATION_OPEN },
	{ "a.example.com",
	  443,
	  { 0 },
	  WILD,
	  { "::ffff:10.0.0.7" },
	  DESTINATION_DENY_INTERNAL,
	  DESTINATION_OPEN },
	{ "a.example.com",
	  443,
	  { 0 },
	  WILD,
	  { "64:ff9b::8.8.8.8" },
	  DESTINATION_ALLOW,
	  DESTINATION_OPEN },
	{ "a.example.com",
	  443,
	  { 0 },
	  WILD,
	  { "64:ff9b::a00:1" },
	  DESTINATION_DENY_INTERNAL,
	  DESTINATION_OPEN },
	{ "a.example.com",
	  10250,
	  { 0 },
	  WILD,
	  { "93.184.215.14" },
	  DESTINATION_DENY_PORT,
	  DESTINATION_OPEN },
	{ "a.example.com",
	  6443,
	  { 0 },
	  WILD,
	  { "93.184.215.14" },
	  DESTINATION_DENY_PORT,
	  DESTINATION_OPEN },

	/* Named exactly: private ones too. */
	{ "db.internal",
	  5432,
	  { 0 },
	  EXACT,
	  { "10.0.0.7" },
	  DESTINATION_ALLOW,
	  DESTINATION_DECLARED },
	{ "db.internal",
	  5432,
	  { 0 },
	  EXACT,
	  { "fd00::7", "192.168.0.7" },
	  DESTINATION_ALLOW,
	  DESTINATION_DECLARED },
	{ "db.internal",
	  5432,
	  { 0 },
	  EXACT,
	  { "93.184.215.14" },
	  DESTINATION_ALLOW,
	  DESTINATION_DECLARED },
	{ "db.internal",
	  5432,
	  { 0 },
	  EXACT,
	  { "127.0.0.1" },
	  DESTINATION_DENY_BLOCKED,
	  DESTINATION_DECLARED },
	{ "db.internal",
	  5432,
	  { 0 },
	  EXACT,
	  { "169.254.169.254" },
	  DESTINATION_DENY_BLOCKED,
	  DESTINATION_DECLARED },
	{ "db.internal",
	  5432,
	  { 0 },
	  EXACT,
	  { "10.0.0.7", "0.0.0.0" },
	  DESTINATION_DENY_BLOCKED,
	  DESTINATION_DECLARED },
	{ "db.internal",
	  5432,
	  { 0 },
	  EXACT,
	  { "64:ff9b::7f00:1" },
	  DESTINATION_DENY_BLOCKED,
	  DESTINATION_DECLARED },
	{ "db.internal",
	  2379,
	  { 0 },
	  EXACT,
	  { "10.0.0.7" },
	  DESTINATION_DENY_PORT,
	  DESTINATION_DECLARED },
	{ "db.internal",
	  2380,
	  { 0 },
	  EXACT,
	  { "10.0.0.7" },
	  DESTINATION_DENY_PORT,
	  DESTINATION_DECLARED },
	{ "db.internal",
	  10255,
	  { 0 },
	  EXACT,
	  { "10.0.0.7" },
	  DESTINATION_DENY_PORT,
	  DESTINATION_DECLARED },
	{ "db.internal",
	  0,
	  { 0 },
	  EXACT,
	  { "10.0.0.7" },
	  DESTINATION_DENY_PORT,
	  DESTINATION_DECLARED },

	/* A list: these and no others, even where they are public or the host is exact. */
	{ "db.internal",
	  443,
	  { "10.0.0.0/24" },
	  WILD,
	  { "10.0.0.7" },
	  DESTINATION_ALLOW,
	  DESTINATION_LISTED },
	{ "db.internal",
	  443,
	  { "10.0.0.0/24", "fd00::/8" },
	  WILD,
	  { "10.0.0.7", "fd00::7" },
	  DESTINATION_ALLOW,
	  DESTINATION_LISTED },
	{ "db.internal",
	  443,
	  { "10.0.0.0/24" },
	  WILD,
	  { "10.0.1.7" },
	  DESTINATION_DENY_UNLISTED,
	  DESTINATION_LISTED },
	{ "db.internal",
	  443,
	  { "10.0.0.0/24" },
	  EXACT,
	  { "10.0.1.7" },
	  DESTINATION_DENY_UNLISTED,
	  DESTINATION_LISTED },
	{ "db.internal",
	  443,
	  { "10.0.0.0/24" },
	  EXACT,
	  { "10.0.0.7", "8.8.8.8" },
	  DESTINATION_DENY_UNLISTED,
	  DESTINATION_LISTED },
	{ "db.internal",
	  443,
	  { "0.0.0.0/0" },
	  EXACT,
	  { "169.254.169.254" },
	  DESTINATION_DENY_BLOCKED,
	  DESTINATION_LISTED },
	{ "db.internal",
	  443,
	  { "::/0" },
	  EXACT,
	  { "::1" },
	  DESTINATION_DENY_BLOCKED,
	  DESTINATION_LISTED },
	{ "10.0.0.7",
	  443,
	  { "10.0.0.0/24" },
	  EXACT,
	  { "10.0.0.7" },
	  DESTINATION_ALLOW,
	  DESTINATION_LISTED },
	{ "10.0.1.7",
	  443,
	  { "10.0.0.0/24" },
	  EXACT,
	  { "10.0.1.7" },
	  DESTINATION_DENY_UNLISTED,
	  DESTINATION_LISTED },
	{ "db.internal",
	  6443,
	  { "10.0.0.0/24" },
	  EXACT,
	  { "10.0.0.7" },
	  DESTINATION_DENY_PORT,
	  DESTINATION_LISTED },

	/* An address as host: itself, if the policy names it. */
	{ "10.0.0.7", 443, { 0 }, EXACT, { "10.0.0.7" }, DESTINATION_ALLOW, DESTINATION_LITERAL },
	{ "[fd00::7]", 443, { 0 }, EXACT, { "fd00::7" }, DESTINATION_ALLOW, DESTINATION_LITERAL },
	{ "fd00::7", 443, { 0 }, EXACT, { "fd00::7" }, DESTINATION_ALLOW, DESTINATION_LITERAL },
	{ "::ffff:10.0.0.7",
	  443,
	  { 0 },
	  EXACT,
	  { "10.0.0.7" },
	  DESTINATION_ALLOW,
	  DESTINATION_LITERAL },
	{ "10.0.0.7",
	  443,
	  { 0 },
	  EXACT,
	  { "10.0.0.8" },
	  DESTINATION_DENY_UNLISTED,
	  DESTINATION_LITERAL },
	{ "10.0.0.7",
	  443,
	  { 0 },
	  EXACT,
	  { "10.0.0.7", "10.0.0.8" },
	  DESTINATION_DENY_UNLISTED,
	  DESTINATION_LITERAL },
	{ "127.0.0.1",
	  443,
	  { 0 },
	  EXACT,
	  { "127.0.0.1" },
	  DESTINATION_DENY_BLOCKED,
	  DESTINATION_LITERAL },
	{ "169.254.169.254",
	  80,
	  { 0 },
	  EXACT,
	  { "169.254.169.254" },
	  DESTINATION_DENY_BLOCKED,
	  DESTINATION_LITERAL },
	{ "[::1]", 443, { 0 }, EXACT, { "::1" }, DESTINATION_DENY_BLOCKED, DESTINATION_LITERAL },
	{ "10.0.0.7",
	  10250,
	  { 0 },
	  EXACT,
	  { "10.0.0.7" },
	  DESTINATION_DENY_PORT,
	  DESTINATION_LITERAL },
	{ "10.0.0.7",
	  443,
	  { 0 },
	  WILD,
	  { "10.0.0.7" },
	  DESTINATION_DENY_INTERNAL,
	  DESTINATION_OPEN },
	{ "8.8.8.8", 443, { 0 }, WILD, { "8.8.8.8" }, DESTINATION_ALLOW, DESTINATION_OPEN },

	/* The pod itself is 10.1.2.3 and fd00:1::3. */
	{ "me.internal",
	  443,
	  { 0 },
	  EXACT,
	  { "10.1.2.3" },
	  DESTINATION_DENY_OWN,
	  DESTINATION_DECLARED },
	{ "me.internal",
	  443,
	  { "10.1.2.0/24" },
	  EXACT,
	  { "10.1.2.3" },
	  DESTINATION_DENY_OWN,
	  DESTINATION_LISTED },
	{ "10.1.2.3",
	  3128,
	  { 0 },
	  EXACT,
	  { "10.1.2.3" },
	  DESTINATION_DENY_OWN,
	  DESTINATION_LITERAL },
	{ "me.internal",
	  443,
	  { 0 },
	  EXACT,
	  { "10.1.2.4", "fd00:1::3" },
	  DESTINATION_DENY_OWN,
	  DESTINATION_DECLARED },
	{ "me.internal",
	  443,
	  { 0 },
	  EXACT,
	  { "10.1.2.4" },
	  DESTINATION_ALLOW,
	  DESTINATION_DECLARED },

	/* Names that nobody means well. */
	{ "metadata.google.internal",
	  80,
	  { 0 },
	  EXACT,
	  { "10.0.0.7" },
	  DESTINATION_DENY_METADATA,
	  DESTINATION_DECLARED },
	{ "Metadata.Google.Internal.",
	  80,
	  { 0 },
	  EXACT,
	  { "10.0.0.7" },
	  DESTINATION_DENY_METADATA,
	  DESTINATION_DECLARED },
	{ " metadata.google.internal.. ",
	  80,
	  { 0 },
	  EXACT,
	  { "10.0.0.7" },
	  DESTINATION_DENY_METADATA,
	  DESTINATION_DECLARED },
	{ "metadata.google.internal",
	  80,
	  { "10.0.0.0/8" },
	  EXACT,
	  { "10.0.0.7" },
	  DESTINATION_DENY_METADATA,
	  DESTINATION_LISTED },
	{ "instance-data.ec2.internal",
	  80,
	  { 0 },
	  EXACT,
	  { "10.0.0.7" },
	  DESTINATION_DENY_METADATA,
	  DESTINATION_DECLARED },
	{ "metadata.google.internal.example.com",
	  80,
	  { 0 },
	  EXACT,
	  { "10.0.0.7" },
	  DESTINATION_ALLOW,
	  DESTINATION_DECLARED },
	{ "xmetadata.google.internal",
	  80,
	  { 0 },
	  EXACT,
	  { "10.0.0.7" },
	  DESTINATION_ALLOW,
	  DESTINATION_DECLARED },

	{ "a.example.com", 443, { 0 }, EXACT, { 0 }, DESTINATION_DENY_NONE, DESTINATION_DECLARED },
};

static const char *const own_texts[] = { "10.1.2.3", "fd00:1::3" };

START_TEST(a_destination_is_judged_as_the_table_says)
{
	struct cidr allowed[MAX];
	struct cidr_list list = { .items = allowed };
	struct address addresses[MAX], own[ARRAY_LEN(own_texts)];
	struct destination_request request = {
		.host = slice_text(check_cases[_i].host),
		.port = check_cases[_i].port,
		.exact_host = check_cases[_i].exact,
		.addresses = addresses,
		.own = own,
		.n_own = ARRAY_LEN(own),
	};
	struct destination_result result;
	struct err err = { 0 };
	bool masked;

	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		own[i] = address(own_texts[i]);
	for (; list.n < MAX && check_cases[_i].allowed[list.n] != NULL; list.n++)
		ck_assert_int_eq(cidr_parse(slice_text(check_cases[_i].allowed[list.n]),
					    &allowed[list.n], &masked, &err),
				 0);
	for (; request.n_addresses < MAX && check_cases[_i].addresses[request.n_addresses] != NULL;
	     request.n_addresses++)
		addresses[request.n_addresses] =
			address(check_cases[_i].addresses[request.n_addresses]);
	request.allowed_ips = list.n > 0 ? &list : NULL;
	destination_check(&request, &result);
	ck_assert_msg(result.verdict == check_cases[_i].want, "row %d: %s: %s", _i,
		      check_cases[_i].host, destination_reason(result.verdict));
	ck_assert_int_eq(result.mode, check_cases[_i].mode);
	ck_assert_uint_eq(result.n, result.verdict == DESTINATION_ALLOW ? request.n_addresses : 0);
	if (result.verdict == DESTINATION_ALLOW)
		ck_assert_mem_eq(result.addresses, addresses, result.n * sizeof(addresses[0]));
}
END_TEST

START_TEST(the_address_that_was_refused_is_told)
{
	const struct address addresses[] = { address("8.8.8.8"), address("10.0.0.1"),
					     address("127.0.0.1") };
	const struct destination_request request = {
		.host = slice_text("a.example.com"),
		.port = 443,
		.addresses = addresses,
		.n_addresses = ARRAY_LEN(addresses),
	};
	struct destination_result result;

	destination_check(&request, &result);
	ck_assert_int_eq(result.verdict, DESTINATION_DENY_INTERNAL);
	ck_assert_mem_eq(&result.culprit, &addresses[1], sizeof(addresses[1]));
	ck_assert_str_eq(address_range_text(result.culprit), "10.0.0.0/8 (private)");
}
END_TEST

static const struct {
	const char *host, *allowed; /* allowed NULL: no list */
	uint16_t port;
	enum destination_verdict want;
} name_cases[] = {
	{ "a.example.com", NULL, 443, DESTINATION_ALLOW },
	{ "a.example.com", "10.0.0.0/8", 443, DESTINATION_DENY_UNLISTED },
	{ "a.example.com", NULL, 6443, DESTINATION_DENY_PORT },
	{ "metadata.google.internal", NULL, 80, DESTINATION_DENY_METADATA },
};

START_TEST(a_name_without_addresses_is_judged_by_what_needs_none)
{
	struct cidr block;
	const struct cidr_list list = { &block, 1 };
	struct destination_request request = {
		.host = slice_text(name_cases[_i].host),
		.port = name_cases[_i].port,
		.by_name = true,
	};
	struct destination_result result;
	struct err err = { 0 };
	bool masked;

	if (name_cases[_i].allowed != NULL) {
		ck_assert_int_eq(cidr_parse(slice_text(name_cases[_i].allowed), &block, &masked,
					    &err),
				 0);
		request.allowed_ips = &list;
	}
	destination_check(&request, &result);
	ck_assert_int_eq(result.verdict, name_cases[_i].want);
	ck_assert_uint_eq(result.n, 0);
	request.by_name = false;
	destination_check(&request, &result);
	ck_assert_int_ne(result.verdict, DESTINATION_ALLOW);
}
END_TEST

START_TEST(doubles_are_dialled_once)
{
	const struct address addresses[] = { address("8.8.8.8"), address("::ffff:8.8.8.8"),
					     address("8.8.4.4"), address("8.8.8.8") };
	const struct destination_request request = {
		.host = slice_text("a.example.com"),
		.port = 443,
		.addresses = addresses,
		.n_addresses = ARRAY_LEN(addresses),
	};
	struct destination_result result;

	destination_check(&request, &result);
	ck_assert_int_eq(result.verdict, DESTINATION_ALLOW);
	ck_assert_uint_eq(result.n, 2);
}
END_TEST

START_TEST(too_many_addresses_are_refused)
{
	struct address addresses[DESTINATION_ADDRESSES_MAX + 1];
	struct destination_request request = {
		.host = slice_text("a.example.com"),
		.port = 443,
		.addresses = addresses,
		.n_addresses = DESTINATION_ADDRESSES_MAX + 1,
	};
	struct destination_result result;

	for (size_t i = 0; i < ARRAY_LEN(addresses); i++)
		addresses[i] = address_v4((const uint8_t[]){ 8, 8, 8, (uint8_t)i });
	destination_check(&request, &result);
	ck_assert_int_eq(result.verdict, DESTINATION_DENY_NONE);
	request.n_addresses--;
	destination_check(&request, &result);
	ck_assert_int_eq(result.verdict, DESTINATION_ALLOW);
	ck_assert_uint_eq(result.n, DESTINATION_ADDRESSES_MAX);
}
END_TEST

START_TEST(control_ports_are_these_five)
{
	unsigned n = 0;

	for (unsigned port = 0; port <= UINT16_MAX; port++)
		n += destination_is_control_port((uint16_t)port);
	ck_assert_uint_eq(n, 5);
	ck_assert(destination_is_control_port(2379) && destination_is_control_port(2380) &&
		  destination_is_control_port(6443) && destination_is_control_port(10250) &&
		  destination_is_control_port(10255));
}
END_TEST

START_TEST(every_verdict_has_a_reason_of_its_own)
{
	for (int i = 0; i <= DESTINATION_ALLOW; i++)
		for (int k = 0; k < i; k++)
			ck_assert_str_ne(destination_reason((enum destination_verdict)i),
					 destination_reason((enum destination_verdict)k));
}
END_TEST

Suite *destination_suite(void);
Suite *destination_suite(void)
{
	Suite *s = suite_create("destination");
	TCase *tc = tcase_create("destination");

	tcase_add_loop_test(tc, a_destination_is_judged_as_the_table_says, 0,
			    (int)ARRAY_LEN(check_cases));
	tcase_add_test(tc, the_address_that_was_refused_is_told);
	tcase_add_loop_test(tc, a_name_without_addresses_is_judged_by_what_needs_none, 0,
			    (int)ARRAY_LEN(name_cases));
	tcase_add_test(tc, doubles_are_dialled_once);
	tcase_add_test(tc, too_many_addresses_are_refused);
	tcase_add_test(tc, control_ports_are_these_five);
	tcase_add_test(tc, every_verdict_has_a_reason_of_its_own);
	suite_add_tcase(s, tc);
	return s;
}
