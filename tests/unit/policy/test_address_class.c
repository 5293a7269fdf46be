/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "lib/cleanup.h"
#include "policy/address_ranges.h"

static struct address address(const char *text)
{
	struct address out;

	ck_assert_msg(address_parse(slice_text(text), &out), "%s", text);
	return out;
}

#define BLOCKED ADDRESS_BLOCKED
#define INTERNAL ADDRESS_INTERNAL
#define PUBLIC ADDRESS_PUBLIC

/* The first, the last, and both neighbours of each range. */
static const struct {
	const char *address;
	enum address_class want;
} class_cases[] = {
	{ "0.0.0.0", BLOCKED },
	{ "0.0.0.1", BLOCKED },
	{ "0.255.255.255", BLOCKED },
	{ "1.0.0.0", PUBLIC },
	{ "1.1.1.1", PUBLIC },
	{ "8.8.8.8", PUBLIC },
	{ "9.255.255.255", PUBLIC },
	{ "10.0.0.0", INTERNAL },
	{ "10.255.255.255", INTERNAL },
	{ "11.0.0.0", PUBLIC },
	{ "100.63.255.255", PUBLIC },
	{ "100.64.0.0", INTERNAL },
	{ "100.100.100.199", INTERNAL },
	{ "100.100.100.200", BLOCKED },
	{ "100.100.100.201", INTERNAL },
	{ "100.127.255.255", INTERNAL },
	{ "100.128.0.0", PUBLIC },
	{ "126.255.255.255", PUBLIC },
	{ "127.0.0.0", BLOCKED },
	{ "127.0.0.1", BLOCKED },
	{ "127.255.255.255", BLOCKED },
	{ "128.0.0.0", PUBLIC },
	{ "168.63.129.15", PUBLIC },
	{ "168.63.129.16", BLOCKED },
	{ "168.63.129.17", PUBLIC },
	{ "169.253.255.255", PUBLIC },
	{ "169.254.0.0", BLOCKED },
	{ "169.254.169.254", BLOCKED },
	{ "169.254.170.2", BLOCKED },
	{ "169.254.255.255", BLOCKED },
	{ "169.255.0.0", PUBLIC },
	{ "172.15.255.255", PUBLIC },
	{ "172.16.0.0", INTERNAL },
	{ "172.31.255.255", INTERNAL },
	{ "172.32.0.0", PUBLIC },
	{ "191.255.255.255", PUBLIC },
	{ "192.0.0.0", INTERNAL },
	{ "192.0.0.191", INTERNAL },
	{ "192.0.0.192", BLOCKED },
	{ "192.0.0.255", INTERNAL },
	{ "192.0.1.0", PUBLIC },
	{ "192.0.1.255", PUBLIC },
	{ "192.0.2.0", INTERNAL },
	{ "192.0.2.255", INTERNAL },
	{ "192.0.3.0", PUBLIC },
	{ "192.88.98.255", PUBLIC },
	{ "192.88.99.0", INTERNAL },
	{ "192.88.99.255", INTERNAL },
	{ "192.88.100.0", PUBLIC },
	{ "192.167.255.255", PUBLIC },
	{ "192.168.0.0", INTERNAL },
	{ "192.168.255.255", INTERNAL },
	{ "192.169.0.0", PUBLIC },
	{ "198.17.255.255", PUBLIC },
	{ "198.18.0.0", INTERNAL },
	{ "198.19.255.255", INTERNAL },
	{ "198.20.0.0", PUBLIC },
	{ "198.51.99.255", PUBLIC },
	{ "198.51.100.0", INTERNAL },
	{ "198.51.100.255", INTERNAL },
	{ "198.51.101.0", PUBLIC },
	{ "203.0.112.255", PUBLIC },
	{ "203.0.113.0", INTERNAL },
	{ "203.0.113.255", INTERNAL },
	{ "203.0.114.0", PUBLIC },
	{ "223.255.255.255", PUBLIC },
	{ "224.0.0.0", BLOCKED },
	{ "239.255.255.255", BLOCKED },
	{ "240.0.0.0", BLOCKED },
	{ "255.255.255.254", BLOCKED },
	{ "255.255.255.255", BLOCKED },

	{ "::", BLOCKED },
	{ "::1", BLOCKED },
	{ "::2", BLOCKED }, /* compatible with 0.0.0.2 */
	{ "fe7f:ffff::1", BLOCKED },
	{ "fe80::", BLOCKED },
	{ "fe80::1", BLOCKED },
	{ "febf:ffff::1", BLOCKED },
	{ "fec0::1", INTERNAL },
	{ "feff:ffff::1", INTERNAL },
	{ "ff00::", BLOCKED },
	{ "ff02::1", BLOCKED },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", BLOCKED },
	{ "fbff:ffff::1", BLOCKED },
	{ "fc00::", INTERNAL },
	{ "fd00::1", INTERNAL },
	{ "fd00:ec1:ffff::1", INTERNAL },
	{ "fd00:ec2::254", BLOCKED },
	{ "fd00:ec2::23", BLOCKED },
	{ "fd00:ec3::1", INTERNAL },
	{ "fd20:ce::253", INTERNAL },
	{ "fd20:ce::254", BLOCKED },
	{ "fdff:ffff::1", INTERNAL },
	{ "fe00::1", BLOCKED },
	{ "100::", INTERNAL },
	{ "100::ffff:ffff:ffff:ffff", INTERNAL },
	{ "100:0:0:1::1", INTERNAL },
	{ "100:0:0:2::1", BLOCKED },
	{ "2000:ffff::1", PUBLIC },
	{ "2001:2::1", INTERNAL },
	{ "2001:1ff:ffff::1", INTERNAL },
	{ "2001:200::1", PUBLIC },
	{ "2001:4860:4860::8888", PUBLIC },
	{ "2001:db7:ffff::1", PUBLIC },
	{ "2001:db8::1", INTERNAL },
	{ "2001:db8:ffff::1", INTERNAL },
	{ "2001:db9::1", PUBLIC },
	{ "2606:4700::1111", PUBLIC },
	{ "3ffe:ffff::1", PUBLIC },
	{ "3fff::1", INTERNAL },
	{ "3fff:fff::1", INTERNAL },
	{ "3fff:1000::1", PUBLIC },
	{ "5eff:ffff::1", BLOCKED },
	{ "5f00::1", INTERNAL },
	{ "5f01::1", BLOCKED },

	/* IPv4-mapped. */
	{ "::ffff:127.0.0.1", BLOCKED },
	{ "::ffff:169.254.169.254", BLOCKED },
	{ "::ffff:10.0.0.1", INTERNAL },
	{ "::ffff:8.8.8.8", PUBLIC },
	{ "::ffff:0:8.8.8.8", BLOCKED }, /* SIIT, RFC 2765: not in use, and no mapping */
	/* IPv4-compatible. */
	{ "::127.0.0.1", BLOCKED },
	{ "::169.254.169.254", BLOCKED },
	{ "::10.0.0.1", INTERNAL },
	{ "::8.8.8.8", INTERNAL },
	/* NAT64. */
	{ "64:ff9b::127.0.0.1", BLOCKED },
	{ "64:ff9b::169.254.169.254", BLOCKED },
	{ "64:ff9b::100.100.100.200", BLOCKED },
	{ "64:ff9b::224.0.0.1", BLOCKED },
	{ "64:ff9b::10.0.0.1", INTERNAL },
	{ "64:ff9b::192.168.1.1", INTERNAL },
	{ "64:ff9b::8.8.8.8", PUBLIC },
	{ "64:ff9b::1:8.8.8.8", BLOCKED }, /* beyond the /96 */
	{ "64:ff9b:1::8.8.8.8", INTERNAL },
	{ "64:ff9b:1:7f00:0:100:808:808", BLOCKED }, /* 127.0.0.1 as RFC 6052 puts it in a /48 */
	{ "64:ff9b:1:a9fe:a9:fe00:808:808", BLOCKED }, /* 169.254.169.254 */
	{ "64:ff9b:1::127.0.0.1", BLOCKED },
	{ "64:ff9b:1::", BLOCKED },
	{ "64:ff9b::", BLOCKED },
	{ "64:ff9b:2::127.0.0.1", BLOCKED }, /* no translation prefix */
	/* 6to4. */
	{ "2002:7f00:1::1", BLOCKED },
	{ "2002:a9fe:a9fe::1", BLOCKED },
	{ "2002:a00:1::1", INTERNAL },
	{ "2002:808:808::1", INTERNAL },
	{ "2003::1", PUBLIC },
	/* Teredo: the server in clear, the client inverted. */
	{ "2001:0:7f00:1::", BLOCKED },
	{ "2001:0:808:808:0:0:80ff:fffe", BLOCKED }, /* client 127.0.0.1 */
	{ "2001:0:808:808:0:0:5601:5601", BLOCKED }, /* client 169.254.169.254 */
	{ "2001:0:808:808:0:0:f7f7:f7f7", INTERNAL }, /* client 8.8.8.8 */
	/* ISATAP, in any prefix. */
	{ "2606:4700::5efe:127.0.0.1", BLOCKED },
	{ "2606:4700::200:5efe:169.254.169.254", BLOCKED },
	{ "2606:4700::5efe:10.0.0.1", INTERNAL },
	{ "2606:4700::5efe:8.8.8.8", PUBLIC },
	{ "fd00::5efe:8.8.8.8", INTERNAL },
	/* What no registry gives to networks. */
	{ "1fff:ffff::1", BLOCKED },
	{ "2000::1", PUBLIC },
	{ "3ffe:ffff::1", PUBLIC },
	{ "4000::1", BLOCKED },
	{ "7fff:ffff::1", BLOCKED },
	{ "8000::1", BLOCKED },
	{ "c000::1", BLOCKED },
	{ "200::1", BLOCKED },
	{ "64:ff9a:ffff:ffff::8.8.8.8", BLOCKED },
};

START_TEST(an_address_is_of_the_kind_that_the_table_says)
{
	struct address a = address(class_cases[_i].address);

	ck_assert_msg(address_classify(a) == class_cases[_i].want, "%s is %s",
		      class_cases[_i].address, address_range_text(a));
	ck_assert_int_eq(address_range_text(a)[0] == '\0', class_cases[_i].want == PUBLIC);
}
END_TEST

START_TEST(a_range_is_what_its_text_says)
{
	const struct address_range *range = &address_ranges[_i];
	const char *blank = strchr(range->text, ' ');
	struct cidr block;
	struct err err = { 0 };
	bool masked;

	/* What is public is named by nothing. */
	ck_assert_int_eq(blank == NULL, range->class == ADDRESS_PUBLIC);
	if (blank == NULL)
		return;
	ck_assert_msg(cidr_parse((struct slice){ (const uint8_t *)range->text,
						 (size_t)(blank - range->text) },
				 &block, &masked, &err) == 0,
		      "%s: %s", range->text, err.msg);
	ck_assert(!masked);
	ck_assert_msg(memcmp(block.base.bytes, range->base, 16) == 0 &&
			      block.prefix == range->prefix,
		      "%s", range->text);
}
END_TEST

/* What the policy refuses to list, no host may resolve to either. */
START_TEST(what_the_policy_always_blocks_is_never_public)
{
	struct address a = address(class_cases[_i].address);
	const struct cidr single = { a, 128 };

	if (cidr_always_blocked(&single) != NULL &&
	    strncmp(class_cases[_i].address, "64:ff9b:", 8) != 0)
		ck_assert_msg(address_classify(a) != PUBLIC, "%s", class_cases[_i].address);
}
END_TEST

Suite *address_class_suite(void);
Suite *address_class_suite(void)
{
	Suite *s = suite_create("address_class");
	TCase *tc = tcase_create("address_class");

	tcase_add_loop_test(tc, an_address_is_of_the_kind_that_the_table_says, 0,
			    (int)ARRAY_LEN(class_cases));
	tcase_add_loop_test(tc, a_range_is_what_its_text_says, 0, (int)address_n_ranges);
	tcase_add_loop_test(tc, what_the_policy_always_blocks_is_never_public, 0,
			    (int)ARRAY_LEN(class_cases));
	suite_add_tcase(s, tc);
	return s;
}
