/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <check.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/net/subnet.h"
#include "lib/cleanup.h"

enum { BLOCKS_MAX = 12 };

static struct cidr block(const char *text)
{
	struct cidr out;
	bool masked;
	struct err err = { 0 };

	ck_assert_msg(cidr_parse(slice_text(text), &out, &masked, &err) == 0, "%s", err.msg);
	return out;
}

static const struct {
	const char *a, *b;
	bool overlap;
} overlaps[] = {
	{ "10.0.0.0/8", "10.200.0.0/30", true },     { "10.200.0.0/30", "10.200.0.3/32", true },
	{ "10.200.0.0/30", "10.200.0.4/30", false }, { "10.200.0.0/30", "10.200.0.0/30", true },
	{ "0.0.0.0/0", "10.200.0.0/30", true },      { "::/0", "fd6f::/126", true },
	{ "fd6f::/126", "fd6f::4/126", false },      { "fd6f::/16", "10.200.0.0/30", false },
};

START_TEST(overlap_is_symmetric_and_follows_the_table)
{
	struct cidr a = block(overlaps[_i].a), b = block(overlaps[_i].b);

	ck_assert(subnet_overlaps(&a, &b) == overlaps[_i].overlap);
	ck_assert(subnet_overlaps(&b, &a) == overlaps[_i].overlap);
}
END_TEST

static const struct {
	int family;
	const char *taken[BLOCKS_MAX];
	const char *pod, *inner; /* NULL: all are taken */
} choices[] = {
	{ AF_INET, { NULL }, "10.200.0.1", "10.200.0.2" },
	{ AF_INET, { "10.0.0.0/24", "192.168.0.0/16" }, "10.200.0.1", "10.200.0.2" },
	{ AF_INET, { "10.200.0.0/16" }, "192.0.0.1", "192.0.0.2" },
	{ AF_INET, { "10.200.0.3/32" }, "192.0.0.1", "192.0.0.2" },
	{ AF_INET, { "10.0.0.0/8", "192.0.0.0/24" }, "198.51.100.1", "198.51.100.2" },
	{ AF_INET,
	  { "10.0.0.0/8", "192.0.0.0/16", "198.51.100.0/24", "203.0.113.0/24" },
	  "100.127.255.249",
	  "100.127.255.250" },
	{ AF_INET,
	  { "10.0.0.0/8", "192.0.0.0/16", "198.0.0.0/8", "203.0.0.0/8", "100.64.0.0/10",
	    "172.16.0.0/12" },
	  "192.168.255.249",
	  "192.168.255.250" },
	{ AF_INET, { "0.0.0.0/1", "128.0.0.0/1" }, NULL, NULL },
	{ AF_INET6, { "10.0.0.0/8" }, "fd6f:7065:6e73:1::1", "fd6f:7065:6e73:1::2" },
	{ AF_INET6, { "fd6f:7065:6e73:1::/64" }, "fd6f:7065:6e73:2::1", "fd6f:7065:6e73:2::2" },
	{ AF_INET6, { "fd00::/8" }, NULL, NULL },
};

START_TEST(the_first_free_candidate_is_chosen)
{
	struct cidr blocks[BLOCKS_MAX];
	struct cidr_list taken = { blocks, 0 };
	struct subnet got = { .prefix = 99 };
	struct err err = { 0 };
	char text[INET6_ADDRSTRLEN];

	for (; choices[_i].taken[taken.n] != NULL; taken.n++)
		blocks[taken.n] = block(choices[_i].taken[taken.n]);
	int result = subnet_choose(choices[_i].family, &taken, &got, &err);
	if (choices[_i].pod == NULL) {
		ck_assert_int_eq(result, -1);
		ck_assert_int_eq(err.code, ERR_LIMIT);
		ck_assert_uint_eq(got.prefix, 99);
		return;
	}
	ck_assert_int_eq(result, 0);
	ck_assert_str_eq(subnet_text(got.pod, text), choices[_i].pod);
	ck_assert_str_eq(subnet_text(got.inner, text), choices[_i].inner);
	ck_assert_uint_eq(got.prefix, choices[_i].family == AF_INET ? 30 : 126);
}
END_TEST

START_TEST(a_lone_address_stands_for_its_neighbourhood)
{
	struct cidr v4 = subnet_around(block("10.200.37.4/32").base);
	struct cidr v6 = subnet_around(block("fd6f::1:0:0:53/128").base);
	struct cidr want4 = block("10.200.0.0/16"), want6 = block("fd6f:0:0:0::/64");

	ck_assert_mem_eq(&v4, &want4, sizeof(v4));
	ck_assert_mem_eq(&v6, &want6, sizeof(v6));
}
END_TEST

Suite *subnet_suite(void);
Suite *subnet_suite(void)
{
	Suite *s = suite_create("subnet");
	TCase *tc = tcase_create("subnet");

	tcase_add_loop_test(tc, overlap_is_symmetric_and_follows_the_table, 0,
			    (int)ARRAY_LEN(overlaps));
	tcase_add_loop_test(tc, the_first_free_candidate_is_chosen, 0, (int)ARRAY_LEN(choices));
	tcase_add_test(tc, a_lone_address_stands_for_its_neighbourhood);
	suite_add_tcase(s, tc);
	return s;
}
