/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <check.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <netinet/in.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>

#include "agent/net/nflog.h"
#include "agent/net/nl_out.h"
#include "agent/net/subnet.h"
#include "lib/buf.h"
#include "lib/cleanup.h"

enum { REPORT = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET, MAX = 65536 };

/* 10.200.0.2:4096 -> 8.8.8.8:443, 28 bytes */
#define V4(protocol)                        \
	"\x45\0\0\x1c\0\1\0\0\x40" protocol \
	"\0\0\x0a\xc8\0\2\x08\x08\x08\x08\x10\0\x01\xbb\0\x08\0\0"
/* fd6f::2 -> 2001:db8::8, then what `next` says */
#define V6(next)                       \
	"\x60\0\0\0\0\x08" next "\x40" \
	"\xfd\x6f\0\0\0\0\0\0\0\0\0\0\0\0\0\2\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x08"
#define PORTS "\x10\0\x01\xbb\0\x08\0\0"

static const struct {
	const char *bytes;
	size_t n;
	const char *src, *dst; /* NULL: it cannot be told */
	uint8_t protocol;
	uint16_t sport, dport;
} packets[] = {
#define P(bytes) bytes, sizeof(bytes) - 1
	{ P(V4("\x11")), "10.200.0.2", "8.8.8.8", IPPROTO_UDP, 4096, 443 },
	{ P(V4("\x06")), "10.200.0.2", "8.8.8.8", IPPROTO_TCP, 4096, 443 },
	{ P(V4("\x84")), "10.200.0.2", "8.8.8.8", IPPROTO_SCTP, 4096, 443 },
	{ P(V4("\x01")), "10.200.0.2", "8.8.8.8", IPPROTO_ICMP, 0, 0 },
	{ P(V4("\xfd")), "10.200.0.2", "8.8.8.8", 253, 0, 0 },
	{ P(V6("\x11") PORTS), "fd6f::2", "2001:db8::8", IPPROTO_UDP, 4096, 443 },
	{ P(V6("\x3a") PORTS), "fd6f::2", "2001:db8::8", IPPROTO_ICMPV6, 0, 0 },
	/* options of IPv4, extensions of IPv6 */
	{ P("\x46\0\0\x20\0\1\0\0\x40\x11\0\0\x0a\xc8\0\2\x08\x08\x08\x08\1\1\1\1" PORTS),
	  "10.200.0.2", "8.8.8.8", IPPROTO_UDP, 4096, 443 },
	{ P(V6("\0") "\x3c\0\1\4\0\0\0\0"
		     "\x11\0\1\4\0\0\0\0" PORTS),
	  "fd6f::2", "2001:db8::8", IPPROTO_UDP, 4096, 443 },
	/* a later fragment has no ports, whatever stands there */
	{ P("\x45\0\0\x1c\0\1\0\2\x40\x11\0\0\x0a\xc8\0\2\x08\x08\x08\x08" PORTS), "10.200.0.2",
	  "8.8.8.8", IPPROTO_UDP, 0, 0 },
	{ P(V6("\x2c") PORTS), "fd6f::2", "2001:db8::8", IPPROTO_FRAGMENT, 0, 0 },
	/* cut in the ports, in an option, in an extension */
	{ P("\x45\0\0\x1c\0\1\0\0\x40\x11\0\0\x0a\xc8\0\2\x08\x08\x08\x08\x10\0\x01"), "10.200.0.2",
	  "8.8.8.8", IPPROTO_UDP, 0, 0 },
	{ P("\x4f\0\0\x1c\0\1\0\0\x40\x11\0\0\x0a\xc8\0\2\x08\x08\x08\x08" PORTS), "10.200.0.2",
	  "8.8.8.8", IPPROTO_UDP, 0, 0 },
	{ P(V6("\0") "\x11\xff\0\0"), "fd6f::2", "2001:db8::8", IPPROTO_UDP, 0, 0 },
	/* no packet */
	{ P(""), NULL, NULL, 0, 0, 0 },
	{ P("\x45"), NULL, NULL, 0, 0, 0 },
	{ P("\x44\0\0\x1c\0\1\0\0\x40\x11\0\0\x0a\xc8\0\2\x08\x08\x08\x08" PORTS), NULL, NULL, 0, 0,
	  0 },
	{ P("\x55\0\0\x1c\0\1\0\0\x40\x11\0\0\x0a\xc8\0\2\x08\x08\x08\x08" PORTS), NULL, NULL, 0, 0,
	  0 },
	{ P("\x60\0\0\0\0\x08\x11\x40\xfd\x6f"), NULL, NULL, 0, 0, 0 },
#undef P
};

static void put_report(struct buf *out, const char *bytes, size_t n, const char *prefix,
		       const uint32_t *uid)
{
	const struct nfgenmsg head = { .nfgen_family = AF_INET };
	AUTO(nl_out_done) struct nl_out m = nl_out_begin(REPORT, 0, &head, sizeof(head));

	nl_out_str(&m, NFULA_PREFIX, prefix);
	if (uid != NULL)
		nl_out_be32(&m, NFULA_UID, *uid);
	nl_out_put(&m, NFULA_PAYLOAD, bytes, n);
	ck_assert(!m.failed);
	buf_put(out, nlmsg_hdr(m.msg), nlmsg_hdr(m.msg)->nlmsg_len);
}

struct seen {
	struct nflog_event events[NFLOG_EVENTS_MAX + 1];
	size_t n, skipped;
};

static void keep(const struct nflog_event *event, void *arg)
{
	struct seen *seen = arg;

	ck_assert_uint_lt(seen->n, ARRAY_LEN(seen->events));
	seen->events[seen->n++] = *event;
}

static struct seen parse(const struct buf *bytes)
{
	struct seen seen = { 0 };

	nflog_parse(buf_slice(bytes), keep, &seen, &seen.skipped);
	return seen;
}

START_TEST(packets_are_told_as_the_table_says)
{
	AUTO(buf_done) struct buf bytes = buf_init(MAX);
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];
	const uint32_t uid = 1000;

	put_report(&bytes, packets[_i].bytes, packets[_i].n, "openshell-workload", &uid);
	struct seen seen = parse(&bytes);
	if (packets[_i].src == NULL) {
		ck_assert_uint_eq(seen.n, 0);
		ck_assert_uint_eq(seen.skipped, 1);
		return;
	}
	ck_assert_uint_eq(seen.n, 1);
	const struct nflog_event *e = &seen.events[0];
	ck_assert_str_eq(e->prefix, "openshell-workload");
	ck_assert(e->has_uid);
	ck_assert_uint_eq(e->uid, 1000);
	ck_assert_str_eq(subnet_text(e->src, src), packets[_i].src);
	ck_assert_str_eq(subnet_text(e->dst, dst), packets[_i].dst);
	ck_assert_uint_eq(e->protocol, packets[_i].protocol);
	ck_assert_uint_eq(e->sport, packets[_i].sport);
	ck_assert_uint_eq(e->dport, packets[_i].dport);
}
END_TEST

START_TEST(a_packet_of_the_kernel_has_no_user)
{
	AUTO(buf_done) struct buf bytes = buf_init(MAX);

	put_report(&bytes, packets[0].bytes, packets[0].n, "x", NULL);
	struct seen seen = parse(&bytes);
	ck_assert_uint_eq(seen.n, 1);
	ck_assert(!seen.events[0].has_uid);
}
END_TEST

START_TEST(a_prefix_too_long_is_left_out)
{
	AUTO(buf_done) struct buf bytes = buf_init(MAX);

	put_report(&bytes, packets[0].bytes, packets[0].n,
		   "a prefix of more than thirty-one characters", NULL);
	struct seen seen = parse(&bytes);
	ck_assert_uint_eq(seen.n, 1);
	ck_assert_str_eq(seen.events[0].prefix, "");
}
END_TEST

START_TEST(a_flood_is_counted_and_not_told)
{
	AUTO(buf_done) struct buf bytes = buf_init(MAX);

	for (int i = 0; i < NFLOG_EVENTS_MAX + 5; i++)
		put_report(&bytes, packets[0].bytes, packets[0].n, "x", NULL);
	struct seen seen = parse(&bytes);
	ck_assert_uint_eq(seen.n, NFLOG_EVENTS_MAX);
	ck_assert_uint_eq(seen.skipped, 5);
}
END_TEST

/* Two reports, cut anywhere: a part of one is never told, and the loss is counted. */
START_TEST(a_datagram_cut_short_loses_its_last_report)
{
	AUTO(buf_done) struct buf bytes = buf_init(MAX);
	size_t first;

	put_report(&bytes, packets[5].bytes, packets[5].n, "x", NULL);
	first = bytes.n;
	put_report(&bytes, packets[5].bytes, packets[5].n, "x", NULL);
	ck_assert_uint_eq(bytes.n, first * 2);
	for (size_t n = 0; n < bytes.n; n++) {
		AUTO_FREE uint8_t *cut = malloc(n > 0 ? n : 1);
		struct seen seen = { 0 };

		memcpy(cut, bytes.p, n);
		nflog_parse((struct slice){ cut, n }, keep, &seen, &seen.skipped);
		ck_assert_uint_eq(seen.n, n / first);
		ck_assert_uint_eq(seen.skipped, n % first != 0);
	}
}
END_TEST

START_TEST(other_messages_are_passed_over)
{
	AUTO(buf_done) struct buf bytes = buf_init(MAX);
	const struct nlmsghdr done = { .nlmsg_len = sizeof(done), .nlmsg_type = NLMSG_DONE };

	buf_put(&bytes, &done, sizeof(done));
	put_report(&bytes, packets[0].bytes, packets[0].n, "x", NULL);
	struct seen seen = parse(&bytes);
	ck_assert_uint_eq(seen.n, 1);
	ck_assert_uint_eq(seen.skipped, 0);
}
END_TEST

Suite *nflog_suite(void);
Suite *nflog_suite(void)
{
	Suite *s = suite_create("nflog");
	TCase *tc = tcase_create("nflog");

	tcase_add_loop_test(tc, packets_are_told_as_the_table_says, 0, (int)ARRAY_LEN(packets));
	tcase_add_test(tc, a_packet_of_the_kernel_has_no_user);
	tcase_add_test(tc, a_prefix_too_long_is_left_out);
	tcase_add_test(tc, a_flood_is_counted_and_not_told);
	tcase_add_test(tc, a_datagram_cut_short_loses_its_last_report);
	tcase_add_test(tc, other_messages_are_passed_over);
	suite_add_tcase(s, tc);
	return s;
}
