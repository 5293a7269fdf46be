/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/cidr.h"

#include <check.h>
#include <string.h>

#include "lib/cleanup.h"

static const struct {
	const char *block, *address;
	bool want;
} contain_cases[] = {
	{ "10.0.0.0/8", "10.255.0.1", true },      { "10.0.0.0/8", "11.0.0.1", false },
	{ "10.1.2.3", "10.1.2.3", true },          { "10.1.2.3", "10.1.2.4", false },
	{ "10.1.2.0/23", "10.1.3.9", true },       { "10.1.2.0/23", "10.1.4.0", false },
	{ "10.0.0.0/8", "::ffff:10.0.0.1", true }, /* the same address in another dress */
	{ "fd00::/8", "fd12::1", true },           { "fd00::/8", "fc00::1", false },
	{ "2001:db8::/127", "2001:db8::1", true }, { "2001:db8::/127", "2001:db8::2", false },
	{ "2001:db8::/32", "10.0.0.1", false },
};

START_TEST(blocks_contain_what_the_table_says)
{
	struct address address;
	struct cidr block;
	struct err err = { 0 };
	bool masked;

	ck_assert_int_eq(cidr_parse(slice_text(contain_cases[_i].block), &block, &masked, &err), 0);
	ck_assert(!masked);
	ck_assert(address_parse(slice_text(contain_cases[_i].address), &address));
	struct cidr_list list = { &block, 1 };
	ck_assert(cidr_list_contains(&list, address) == contain_cases[_i].want);
}
END_TEST

static const struct {
	const char *text, *says;
} refuse_cases[] = {
	{ "", "not an address" },
	{ "example.com", "not an address" },
	{ "10.0.0", "not an address" },
	{ "010.0.0.1", "not an address" },
	{ "10.0.0.1 ", "not an address" },
	{ "[::1]", "not an address" },
	{ "fe80::1%eth0", "not an address" },
	{ "10.0.0.0/", "prefix length" },
	{ "10.0.0.0/33", "0..32" },
	{ "10.0.0.0/08", "prefix length" },
	{ "10.0.0.0/-1", "prefix length" },
	{ "10.0.0.0/8/8", "prefix length" },
	{ "fd00::/129", "0..128" },
	{ "::ffff:10.0.0.0/104", "write it as IPv4" },
};

START_TEST(what_is_no_block_is_refused)
{
	struct cidr block;
	struct err err = { 0 };
	bool masked;

	ck_assert_int_eq(cidr_parse(slice_text(refuse_cases[_i].text), &block, &masked, &err), -1);
	ck_assert_msg(strstr(err.msg, refuse_cases[_i].says) != NULL, "%s: %s",
		      refuse_cases[_i].text, err.msg);
}
END_TEST

static const struct {
	const char *block, *blocked; /* NULL: reachable */
} blocked_cases[] = {
	{ "127.0.0.1", "127.0.0.0/8" },
	{ "127.0.0.0/16", "127.0.0.0/8" },
	{ "126.0.0.0/7", "127.0.0.0/8" },
	{ "0.0.0.0/0", "127.0.0.0/8" },
	{ "169.254.169.254", "169.254.0.0/16" },
	{ "0.1.2.3", "0.0.0.0/8" },
	{ "224.0.0.1", "224.0.0.0/4" },
	{ "255.255.255.255", "240.0.0.0/4" },
	{ "::1", "::/96" },
	{ "::", "::/96" },
	{ "::/0", "127.0.0.0/8" },
	{ "::127.0.0.1", "::/96" },
	{ "fe80::1", "fe80::/10" },
	{ "ff02::1", "ff00::/8" },
	{ "64:ff9b::7f00:1", "64:ff9b::/96" },
	{ "64:ff9b:1::1", "64:ff9b:1::/48" },
	{ "2002:7f00:1::", "2002::/16" },
	{ "10.0.0.0/8", NULL },
	{ "172.16.0.0/12", NULL },
	{ "192.168.0.0/16", NULL },
	{ "100.64.0.0/10", NULL },
	{ "198.18.0.0/15", NULL },
	{ "fd00::/8", NULL },
	{ "2001:db8::/32", NULL },
	{ "1.1.1.1", NULL },
};

START_TEST(blocks_that_nothing_may_be_sent_to_are_known)
{
	struct cidr block;
	struct err err = { 0 };
	bool masked;

	ck_assert_int_eq(cidr_parse(slice_text(blocked_cases[_i].block), &block, &masked, &err), 0);
	const char *blocked = cidr_always_blocked(&block);
	if (blocked_cases[_i].blocked == NULL)
		ck_assert_ptr_null(blocked);
	else
		ck_assert_msg(blocked != NULL && strncmp(blocked, blocked_cases[_i].blocked,
							 strlen(blocked_cases[_i].blocked)) == 0,
			      "%s: %s", blocked_cases[_i].block, blocked);
}
END_TEST

START_TEST(bits_behind_the_prefix_are_masked_and_told)
{
	struct cidr block;
	struct address address;
	struct err err = { 0 };
	bool masked;

	ck_assert_int_eq(cidr_parse(slice_text("10.1.2.3/8"), &block, &masked, &err), 0);
	ck_assert(masked);
	ck_assert(address_parse(slice_text("10.0.0.0"), &address));
	ck_assert_mem_eq(block.base.bytes, address.bytes, sizeof(address.bytes));
}
END_TEST

Suite *cidr_suite(void);
Suite *cidr_suite(void)
{
	Suite *s = suite_create("cidr");
	TCase *tc = tcase_create("cidr");

	tcase_add_loop_test(tc, blocks_contain_what_the_table_says, 0,
			    (int)ARRAY_LEN(contain_cases));
	tcase_add_loop_test(tc, what_is_no_block_is_refused, 0, (int)ARRAY_LEN(refuse_cases));
	tcase_add_loop_test(tc, blocks_that_nothing_may_be_sent_to_are_known, 0,
			    (int)ARRAY_LEN(blocked_cases));
	tcase_add_test(tc, bits_behind_the_prefix_are_masked_and_told);
	suite_add_tcase(s, tc);
	return s;
}
