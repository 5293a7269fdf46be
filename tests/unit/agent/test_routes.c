/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <check.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>

#include "agent/net/nl_out.h"
#include "agent/net/routes.h"
#include "agent/net/subnet.h"
#include "lib/buf.h"
#include "lib/cleanup.h"

enum { MAX = 4096 };

/* Hands one message over as it comes from the kernel, cut to `cut` bytes of its body where smaller. */
static int give(struct routes *routes, struct nl_out *m, size_t cut, struct err *err)
{
	struct nlmsghdr *header = nlmsg_hdr(m->msg);
	size_t n = header->nlmsg_len - sizeof(*header);
	AUTO_FREE uint8_t *body = malloc(n > 0 ? n : 1);

	n = n < cut ? n : cut;
	memcpy(body, nlmsg_data(header), n);
	const struct nl_in message = { .type = header->nlmsg_type, .body = { body, n } };
	int result = routes_take(routes, &message, err);
	nl_out_done(m);
	return result;
}

static struct nl_out device(int index, const char *name, uint32_t mtu, unsigned flags)
{
	const struct ifinfomsg head = { .ifi_index = index, .ifi_flags = flags };
	struct nl_out m = nl_out_begin(RTM_NEWLINK, 0, &head, sizeof(head));

	nl_out_str(&m, IFLA_IFNAME, name);
	nl_out_u32(&m, IFLA_MTU, mtu);
	return m;
}

static struct nl_out address(unsigned index, int family, const char *text, unsigned prefix,
			     unsigned scope)
{
	const struct ifaddrmsg head = {
		.ifa_family = (uint8_t)family,
		.ifa_prefixlen = (uint8_t)prefix,
		.ifa_scope = (uint8_t)scope,
		.ifa_index = index,
	};
	struct nl_out m = nl_out_begin(RTM_NEWADDR, 0, &head, sizeof(head));
	uint8_t bytes[16];

	ck_assert_int_eq(inet_pton(family, text, bytes), 1);
	nl_out_put(&m, IFA_ADDRESS, bytes, family == AF_INET ? 4 : 16);
	return m;
}

static struct nl_out route(int family, const char *text, unsigned prefix)
{
	const struct rtmsg head = { .rtm_family = (uint8_t)family, .rtm_dst_len = (uint8_t)prefix };
	struct nl_out m = nl_out_begin(RTM_NEWROUTE, 0, &head, sizeof(head));
	uint8_t bytes[16];

	ck_assert_int_eq(inet_pton(family, text, bytes), 1);
	nl_out_put(&m, RTA_DST, bytes, family == AF_INET ? 4 : 16);
	return m;
}

START_TEST(devices_and_what_they_carry_are_kept)
{
	AUTO(routes_done) struct routes routes = { 0 };
	struct err err = { 0 };
	struct nl_out messages[] = {
		device(1, "lo", 65536, IFF_LOOPBACK),
		device(2, "eth0", 1450, IFF_UP),
		address(1, AF_INET, "127.0.0.1", 8, RT_SCOPE_HOST),
		address(2, AF_INET, "10.9.0.2", 24, RT_SCOPE_UNIVERSE),
		address(2, AF_INET6, "fe80::1", 64, RT_SCOPE_LINK),
	};

	for (size_t i = 0; i < ARRAY_LEN(messages); i++)
		ck_assert_int_eq(give(&routes, &messages[i], MAX, &err), 0);
	const struct routes_device *eth0 = routes_find(&routes, "eth0");
	ck_assert_ptr_nonnull(eth0);
	ck_assert_int_eq(eth0->index, 2);
	ck_assert_uint_eq(eth0->mtu, 1450);
	ck_assert(eth0->has_v4 && !eth0->has_v6 && !eth0->is_loopback);
	ck_assert(routes_find(&routes, "lo")->is_loopback);
	ck_assert_ptr_null(routes_find(&routes, "eth1"));
	ck_assert_uint_eq(routes.n_taken, 3);
}
END_TEST

START_TEST(a_default_route_takes_nothing)
{
	AUTO(routes_done) struct routes routes = { 0 };
	struct nl_out none = route(AF_INET, "0.0.0.0", 0), some = route(AF_INET, "10.96.0.0", 12);
	struct err err = { 0 };
	char text[INET6_ADDRSTRLEN];

	ck_assert_int_eq(give(&routes, &none, MAX, &err), 0);
	ck_assert_uint_eq(routes.n_taken, 0);
	ck_assert_int_eq(give(&routes, &some, MAX, &err), 0);
	ck_assert_uint_eq(routes.n_taken, 1);
	ck_assert_str_eq(subnet_text(routes.taken[0].base, text), "10.96.0.0");
	ck_assert_uint_eq(routes.taken[0].prefix, 96 + 12);
}
END_TEST

START_TEST(an_address_without_a_network_takes_itself)
{
	AUTO(routes_done) struct routes routes = { 0 };
	struct nl_out v4 = address(1, AF_INET, "10.0.0.1", 0, 0);
	struct nl_out v6 = address(1, AF_INET6, "fd00::1", 0, 0);
	struct err err = { 0 };

	ck_assert_int_eq(give(&routes, &v4, MAX, &err), 0);
	ck_assert_int_eq(give(&routes, &v6, MAX, &err), 0);
	ck_assert_uint_eq(routes.n_taken, 2);
	ck_assert_uint_eq(routes.taken[0].prefix, 128);
	ck_assert_uint_eq(routes.taken[1].prefix, 128);
}
END_TEST

START_TEST(an_address_of_another_size_is_passed_over)
{
	AUTO(routes_done) struct routes routes = { 0 };
	const struct rtmsg head = { .rtm_family = AF_INET, .rtm_dst_len = 24 };
	const struct rtmsg wide = { .rtm_family = AF_INET, .rtm_dst_len = 33 };
	struct nl_out three = nl_out_begin(RTM_NEWROUTE, 0, &head, sizeof(head));
	struct nl_out long_prefix = nl_out_begin(RTM_NEWROUTE, 0, &wide, sizeof(wide));
	struct err err = { 0 };

	nl_out_put(&three, RTA_DST, "abc", 3);
	nl_out_put(&long_prefix, RTA_DST, "abcd", 4);
	ck_assert_int_eq(give(&routes, &three, MAX, &err), 0);
	ck_assert_int_eq(give(&routes, &long_prefix, MAX, &err), 0);
	ck_assert_uint_eq(routes.n_taken, 0);
}
END_TEST

START_TEST(more_than_a_pod_has_is_refused)
{
	AUTO(routes_done) struct routes routes = { 0 };
	struct err err = { 0 };
	int result = 0;
	size_t n;

	for (n = 0; n < 10000 && result == 0; n++) {
		struct nl_out m = route(AF_INET, "10.96.0.0", 12);

		result = give(&routes, &m, MAX, &err);
	}
	ck_assert_int_eq(result, -1);
	ck_assert_int_eq(err.code, ERR_LIMIT);
	ck_assert_uint_eq(n, 4097);
	for (int i = 0; i < ROUTES_DEVICES_MAX; i++) {
		struct nl_out m = device(i, "x", 1500, 0);

		ck_assert_int_eq(give(&routes, &m, MAX, &err), 0);
	}
	struct nl_out m = device(99, "x", 1500, 0);
	ck_assert_int_eq(give(&routes, &m, MAX, &err), -1);
	ck_assert_int_eq(err.code, ERR_LIMIT);
}
END_TEST

/* Cut between attributes it is a shorter message; anywhere else it is none. */
START_TEST(a_message_cut_short_is_refused)
{
	struct nl_out messages[] = {
		device(2, "eth0", 1450, IFF_UP),
		address(2, AF_INET, "10.9.0.2", 24, 0),
		route(AF_INET6, "fd00::", 64),
	};
	const size_t whole[][3] = { { 16, 28, 36 }, { 8, 16, 16 }, { 12, 32, 32 } };

	for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
		AUTO(routes_done) struct routes routes = { 0 };
		struct err err = { 0 };
		size_t cut = (size_t)_i;
		bool is_whole = cut == whole[i][0] || cut == whole[i][1] || cut >= whole[i][2] ||
				(i == 0 && cut >= 25 && cut <= 28);

		ck_assert_msg(give(&routes, &messages[i], cut, &err) == (is_whole ? 0 : -1),
			      "message %zu cut to %zu", i, cut);
		if (!is_whole)
			ck_assert_int_eq(err.code, ERR_INVALID);
	}
}
END_TEST

Suite *routes_suite(void);
Suite *routes_suite(void)
{
	Suite *s = suite_create("routes");
	TCase *tc = tcase_create("routes");

	tcase_add_test(tc, devices_and_what_they_carry_are_kept);
	tcase_add_test(tc, a_default_route_takes_nothing);
	tcase_add_test(tc, an_address_without_a_network_takes_itself);
	tcase_add_test(tc, an_address_of_another_size_is_passed_over);
	tcase_add_test(tc, more_than_a_pod_has_is_refused);
	tcase_add_loop_test(tc, a_message_cut_short_is_refused, 0, 40);
	suite_add_tcase(s, tc);
	return s;
}
