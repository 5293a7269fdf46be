/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "agent/proxy/socket.h"
#include "lib/cleanup.h"

static const struct {
	const char *address;
	bool own;
} own_cases[] = {
	{ "127.0.0.1", true },
	/* All of 127.0.0.0/8 is ours: what counts is the kernel's routes, not a list of addresses. */
	{ "127.11.12.13", true },
	{ "192.0.2.1", false },
	{ "1.1.1.1", false },
	{ "2001:db8::1", false },
	{ "fd6f:7065:6e73:ffff::1", false },
};

START_TEST(the_namespaces_own_addresses_are_known)
{
	struct err err = { 0 };
	struct address address;
	bool own = !own_cases[_i].own;

	ck_assert(address_parse(slice_text(own_cases[_i].address), &address));
	ck_assert_msg(socket_is_own(address, &own, &err) == 0, "%s", err.msg);
	ck_assert_msg(own == own_cases[_i].own, "%s", own_cases[_i].address);
}
END_TEST

Suite *socket_suite(void);

Suite *socket_suite(void)
{
	Suite *suite = suite_create("socket");
	TCase *tc = tcase_create("socket");

	tcase_add_loop_test(tc, the_namespaces_own_addresses_are_known, 0,
			    (int)ARRAY_LEN(own_cases));
	suite_add_tcase(suite, tc);
	return suite;
}
