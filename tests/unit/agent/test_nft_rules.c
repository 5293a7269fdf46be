/* SPDX-License-Identifier: Apache-2.0 */
/* The rules are judged by what they do to packets (tests/support/nft_eval); the kernel and nft read them
 * in tests/e2e/test_fence.py. */
#include <check.h>
#include <string.h>

#include "lib/cleanup.h"
#include "tests/unit/nft_packets.h"

static struct nft_fence fence_of_little(void)
{
	struct nft_fence fence = fence_of_all();

	fence.has_v6 = false;
	fence.dnat_v4 = false;
	fence.transparent_port = 0;
	fence.dns_port = 0;
	return fence;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"

static const struct packet_case inside[] = {
	/* the ways out */
	OUT(inner, end, TCP, 3128, WORKLOAD, .want = ACCEPT, .want_mark = OURS),
	OUT(inner6, end6, TCP, 3128, WORKLOAD, .want = ACCEPT, .want_mark = OURS),
	OUT(inner, end, TCP, 3128, NONE, .state = ESTABLISHED, .want = ACCEPT),
	OUT(inner, outside, TCP, 999, WORKLOAD, .state = ESTABLISHED, .direction = REPLY,
	    .mark = INBOUND, .want = ACCEPT),
	OUT(local, local, TCP, 8080, WORKLOAD, .oif = "lo", .want = ACCEPT),
	/* close to them */
	OUT(inner, end, TCP, 3129, WORKLOAD, .want = RESET, TOLD),
	OUT(inner, end, TCP, 15090, WORKLOAD, .want = RESET, TOLD),
	OUT(inner, end, UDP, 3128, WORKLOAD, .want = DROP, TOLD),
	OUT(outside, end, TCP, 3128, WORKLOAD, .want = RESET, TOLD),
	OUT(inner6, end6, TCP, 80, WORKLOAD, .want = RESET, TOLD),
	OUT(inner, pod, TCP, 3128, WORKLOAD, .want = RESET, TOLD),
	OUT(inner, end, TCP, 3128, WORKLOAD, .state = INVALID, .want = DROP),
	/* everything else */
	OUT(inner, outside, TCP, 443, WORKLOAD, .want = RESET, TOLD),
	OUT(inner, outside, UDP, 53, WORKLOAD, .want = DROP, TOLD),
	OUT(inner, outside, UDP, 53, ROOT, .want = DROP, TOLD),
	OUT(inner, outside, UDP, 53, PROXY, .want = DROP, TOLD),
	OUT(inner6, outside6, UDP, 53, WORKLOAD, .want = DROP, TOLD),
	OUT(inner, outside, IPPROTO_ICMP, 8, WORKLOAD, .want = DROP, TOLD),
	OUT(inner6, outside6, IPPROTO_ICMPV6, 128, WORKLOAD, .want = DROP, TOLD),
	OUT(inner6, outside6, IPPROTO_ICMPV6, 135, NONE, .want = DROP),
	OUT(inner, outside, IPPROTO_SCTP, 9, WORKLOAD, .want = DROP, TOLD),
	/* what only looks as if it belonged to a connection */
	OUT(inner, outside, UDP, 53, WORKLOAD, .state = ESTABLISHED, .direction = REPLY,
	    .want = DROP, TOLD),
	OUT(inner, outside, UDP, 53, WORKLOAD, .state = ESTABLISHED, .want = DROP, TOLD),
	OUT(inner, outside, UDP, 53, WORKLOAD, .state = RELATED, .want = DROP, TOLD),
	OUT(inner, outside, UDP, 53, WORKLOAD, .state = ESTABLISHED, .mark = INBOUND, .want = DROP,
	    TOLD),
	OUT(inner, outside, UDP, 53, WORKLOAD, .state = NEW, .direction = REPLY, .mark = INBOUND,
	    .want = DROP, TOLD),
	/* redirected */
	OUT(inner, local, TCP, 15001, WORKLOAD, .dnat = true, .want = ACCEPT),
	OUT(inner, local, TCP, 15008, WORKLOAD, .dnat = true, .want = ACCEPT),
	OUT(inner, local, TCP, 15009, WORKLOAD, .dnat = true, .want = RESET, TOLD),
	OUT(local, local, TCP, 15008, WORKLOAD, .oif = "lo", .want = RESET, TOLD),
	OUT(local, local, TCP, 15009, WORKLOAD, .oif = "lo", .want = ACCEPT),
	OUT(inner, local, UDP, 15053, WORKLOAD, .dnat = true, .want = ACCEPT),
	OUT(inner, local, TCP, 15053, WORKLOAD, .dnat = true, .want = ACCEPT),
	OUT(inner, outside, TCP, 15001, WORKLOAD, .dnat = true, .direction = REPLY, .want = RESET,
	    TOLD),
	OUT(local, local, TCP, 15001, WORKLOAD, .oif = "lo", .want = RESET, TOLD),
	OUT(local, local, UDP, 15053, WORKLOAD, .oif = "lo", .want = DROP, TOLD),
	OUT(local, local, TCP, 15001, WORKLOAD, .oif = "lo", .direction = REPLY, .want = ACCEPT),
	NAT("redirect", "eth0", inner, outside, TCP, 443, .want = NFT_FATE_REDIRECT),
	NAT("redirect", "eth0", inner6, outside6, TCP, 443, .want = NFT_FATE_REDIRECT),
	NAT("redirect", "eth0", inner, outside, UDP, 53, .want = NFT_FATE_REDIRECT),
	NAT("redirect", "eth0", inner, end, TCP, 3128, .want = ACCEPT),
	NAT("redirect", "eth0", inner6, end6, TCP, 3128, .want = ACCEPT),
	NAT("redirect", "lo", local, local, TCP, 80, .want = ACCEPT),
	NAT("redirect", "eth0", inner, outside, UDP, 443, .want = ACCEPT),
	NAT("redirect", "eth0", inner, outside, TCP, 3128, .want = NFT_FATE_REDIRECT),
	NAT("redirect", "eth0", inner, end, TCP, 80, .want = NFT_FATE_REDIRECT),
	/* in */
	IN("lo", local, local, TCP, 80, .want = ACCEPT),
	IN("eth0", outside, inner, TCP, 8080, .want = ACCEPT, .want_mark = INBOUND),
	IN("eth0", outside6, inner6, TCP, 8080, .want = ACCEPT, .want_mark = INBOUND),
	IN("eth0", outside, inner, UDP, 5353, .want = ACCEPT, .want_mark = INBOUND),
	IN("eth0", end, inner, TCP, 99, .state = ESTABLISHED, .mark = OURS, .want = ACCEPT),
	IN("eth0", end, inner, IPPROTO_ICMP, 3, .state = RELATED, .mark = INBOUND, .want = ACCEPT),
	IN("eth0", outside, inner, TCP, 8081, .want = DROP),
	IN("eth0", outside, inner, UDP, 8080, .want = DROP),
	IN("eth0", outside, inner, TCP, 8080, .state = INVALID, .want = DROP),
	IN("eth0", outside, inner, UDP, 99, .state = ESTABLISHED, .want = DROP),
	IN("eth0", outside6, inner6, IPPROTO_ICMPV6, 134, .want = DROP),
	ON("eth0", "lo", outside, local, TCP, 80, .want = DROP),
};

#undef TOLD
#define TOLD .want_log = NFT_RULES_POD
#define SEEN .want_log = NFT_RULES_LINK

static const struct packet_case in_the_pod[] = {
	/* the proxy */
	OUT(pod, outside, TCP, 443, PROXY, .want = ACCEPT, .want_mark = OURS),
	OUT(pod6, outside6, UDP, 53, PROXY, .want = ACCEPT, .want_mark = OURS),
	OUT(pod, outside, TCP, 443, NONE, .state = ESTABLISHED, .mark = OURS, .want = ACCEPT),
	OUT(end, inner, TCP, 8080, PROXY, .oif = "openshell0", .want = ACCEPT),
	OUT(pod, outside, TCP, 443, PROXY, .state = INVALID, .want = DROP),
	/* its answer to an address that nobody connected from */
	OUT(end, outside, TCP, 443, PROXY, .state = ESTABLISHED, .direction = REPLY, .want = RESET,
	    TOLD),
	/* nobody else */
	OUT(pod, outside, TCP, 443, ROOT, .want = RESET, TOLD),
	OUT(pod, outside, UDP, 53, ROOT, .want = DROP, TOLD),
	OUT(pod, outside, UDP, 53, WORKLOAD, .want = DROP, TOLD),
	OUT(pod6, outside6, UDP, 53, 1338, .want = DROP, TOLD),
	OUT(pod, outside, UDP, 53, ROOT, .state = ESTABLISHED, .mark = OURS, .want = DROP, TOLD),
	OUT(pod, outside, UDP, 53, ROOT, .state = ESTABLISHED, .direction = REPLY, .want = DROP,
	    TOLD),
	OUT(pod, outside, IPPROTO_ICMP, 8, ROOT, .want = DROP, TOLD),
	OUT(pod, outside, TCP, 443, NONE, .state = ESTABLISHED, .want = DROP),
	OUT(pod, outside, TCP, 443, NONE, .mark = OURS, .want = DROP),
	OUT(local, local, TCP, 8080, ROOT, .oif = "lo", .want = ACCEPT),
	/* answers */
	OUT(pod, outside, TCP, 99, ROOT, .state = ESTABLISHED, .direction = REPLY, .mark = INBOUND,
	    .want = ACCEPT),
	OUT(pod, outside, TCP, 99, NONE, .state = RELATED, .direction = REPLY, .mark = INBOUND,
	    .want = ACCEPT),
	OUT(end, inner, IPPROTO_ICMP, 3, NONE, .state = RELATED, .dnat = true, .want = ACCEPT),
	OUT(end, inner, IPPROTO_ICMP, 3, NONE, .state = RELATED, .want = DROP),
	OUT(end, inner, IPPROTO_ICMP, 3, NONE, .state = ESTABLISHED, .dnat = true, .want = DROP),
	/* the kernel's search for neighbours, but no program's */
	OUT(pod6, outside6, IPPROTO_ICMPV6, 135, NONE, .state = 0, .want = ACCEPT),
	OUT(pod6, outside6, IPPROTO_ICMPV6, 131, NONE, .state = 0, .want = ACCEPT),
	OUT(pod6, outside6, IPPROTO_ICMPV6, 143, NONE, .state = 0, .want = ACCEPT),
	OUT(pod6, outside6, IPPROTO_ICMPV6, 135, ROOT, .state = 0, .want = DROP, TOLD),
	OUT(pod6, outside6, IPPROTO_ICMPV6, 137, NONE, .state = 0, .want = DROP),
	OUT(pod6, outside6, IPPROTO_ICMPV6, 128, NONE, .want = DROP),
	/* from the workload's end of the link: the proxy's port and nothing else */
	IN("openshell0", inner, end, TCP, 3128, .want = ACCEPT, .want_mark = INBOUND),
	IN("openshell0", inner6, end6, TCP, 3128, .want = ACCEPT, .want_mark = INBOUND),
	IN("openshell0", outside, end, TCP, 3128, .want = DROP, SEEN),
	IN("openshell0", inner, end, TCP, 15090, .want = DROP, SEEN),
	IN("openshell0", inner, pod, TCP, 3128, .want = DROP, SEEN),
	IN("openshell0", inner, end, UDP, 3128, .want = DROP, SEEN),
	IN("openshell0", inner, pod, TCP, 8080, .want = DROP, SEEN),
	IN("openshell0", inner, end, TCP, 99, .state = ESTABLISHED, .direction = REPLY,
	   .mark = OURS, .want = ACCEPT),
	IN("openshell0", inner, end, TCP, 99, .state = ESTABLISHED, .mark = INBOUND, .want = DROP,
	   SEEN),
	IN("openshell0", inner, end, TCP, 99, .state = ESTABLISHED, .direction = REPLY,
	   .want = DROP, SEEN),
	IN("openshell0", inner, end, TCP, 99, .state = ESTABLISHED, .mark = OURS, .want = DROP,
	   SEEN),
	IN("openshell0", inner, end, TCP, 99, .direction = REPLY, .mark = OURS, .want = DROP, SEEN),
	IN("openshell0", inner6, end6, IPPROTO_ICMPV6, 134, .want = DROP, SEEN),
	/* from outside */
	IN("eth0", outside, end, TCP, 3128, .want = DROP),
	IN("eth0", outside6, end6, TCP, 3128, .want = DROP),
	IN("eth0", outside, pod, TCP, 15090, .want = ACCEPT, .want_mark = INBOUND),
	IN("eth0", outside, pod, TCP, 8080, .want = RESET, .want_mark = INBOUND),
	IN("eth0", outside6, pod6, TCP, 8080, .want = ACCEPT, .want_mark = INBOUND),
	IN("eth0", outside, pod, TCP, 22, .want = RESET),
	IN("eth0", outside, pod, UDP, 15090, .want = DROP),
	IN("eth0", outside, pod, UDP, 99, .state = ESTABLISHED, .mark = OURS, .want = ACCEPT),
	IN("eth0", outside, pod, UDP, 99, .state = ESTABLISHED, .want = DROP),
	IN("eth0", outside, pod, TCP, 15090, .state = INVALID, .want = DROP),
	IN("eth0", outside, pod, UDP, 99, .state = ESTABLISHED, .mark = INBOUND, .want = ACCEPT),
	IN("eth0", outside6, pod6, IPPROTO_ICMPV6, 128, .want = ACCEPT, .want_mark = INBOUND),
	IN("eth0", outside, pod, IPPROTO_ICMP, 8, .want = ACCEPT, .want_mark = INBOUND),
	IN("eth0", outside, pod, IPPROTO_ICMP, 13, .want = DROP),
	IN("eth0", outside6, pod6, IPPROTO_ICMPV6, 136, .state = 0, .want = ACCEPT),
	IN("eth0", outside6, pod6, IPPROTO_ICMPV6, 137, .state = 0, .want = DROP),
	IN("lo", local, local, TCP, 8080, .want = ACCEPT),
	/* through */
	ON("eth0", "openshell0", outside, inner, TCP, 8080, .dnat = true, .want = ACCEPT),
	ON("eth0", "openshell0", outside, inner, UDP, 5353, .dnat = true, .want = ACCEPT),
	ON("eth0", "openshell0", outside, inner, TCP, 8080, .want = DROP),
	ON("eth0", "openshell0", outside, inner, TCP, 22, .dnat = true, .want = DROP),
	ON("eth0", "openshell0", outside, inner, IPPROTO_ICMP, 3, .dnat = true, .state = RELATED,
	   .want = ACCEPT),
	ON("openshell0", "eth0", inner, outside, TCP, 99, .dnat = true, .direction = REPLY,
	   .state = ESTABLISHED, .want = ACCEPT),
	ON("openshell0", "eth0", inner, outside, TCP, 443, .want = DROP, SEEN),
	ON("openshell0", "eth0", inner, outside, UDP, 53, .state = ESTABLISHED, .want = DROP, SEEN),
	ON("openshell0", "eth0", inner, outside, UDP, 53, .state = ESTABLISHED, .direction = REPLY,
	   .want = DROP, SEEN),
	ON("openshell0", "eth0", inner, outside, TCP, 99, .dnat = true, .state = ESTABLISHED,
	   .want = DROP, SEEN),
	ON("openshell0", "eth0", inner, outside, TCP, 99, .dnat = true, .direction = REPLY,
	   .want = DROP, SEEN),
	ON("eth0", "eth1", outside, inner, TCP, 99, .dnat = true, .direction = REPLY,
	   .state = ESTABLISHED, .want = DROP),
	ON("eth0", "eth1", outside, inner, TCP, 8080, .dnat = true, .want = DROP),
	ON("eth0", "eth1", outside, inner, IPPROTO_ICMP, 3, .dnat = true, .state = RELATED,
	   .want = DROP),
	ON("eth0", "openshell0", outside, inner, IPPROTO_ICMP, 3, .state = RELATED, .want = DROP),
	ON("eth0", "openshell0", outside, inner, TCP, 8080, .dnat = true, .direction = REPLY,
	   .want = DROP),
	ON("eth0", "openshell0", outside, inner, TCP, 8080, .dnat = true, .state = INVALID,
	   .want = DROP),
	ON("openshell0", "openshell0", inner, inner, TCP, 8080, .dnat = true, .want = DROP, SEEN),
	ON("eth0", "eth0", outside, outside, TCP, 8080, .want = DROP),
	/* rewritten */
	NAT("inbound", "eth0", outside, pod, TCP, 8080, .want = NFT_FATE_DNAT),
	NAT("inbound", "eth0", outside, pod, UDP, 5353, .want = NFT_FATE_DNAT),
	NAT("inbound", "eth0", outside, pod, TCP, 22, .want = ACCEPT),
	NAT("inbound", "eth0", outside6, pod6, TCP, 8080, .want = ACCEPT),
	NAT("inbound", "openshell0", inner, pod, TCP, 8080, .want = ACCEPT),
	NAT("inbound", "lo", local, local, TCP, 8080, .want = ACCEPT),
};

static const struct packet_case little_inside[] = {
	OUT(inner, end, TCP, 3128, WORKLOAD, .want = ACCEPT),
	OUT(inner6, end6, TCP, 3128, WORKLOAD, .want = RESET, .want_log = NFT_RULES_WORKLOAD),
	OUT(inner, local, TCP, 15001, WORKLOAD, .dnat = true, .want = RESET,
	    .want_log = NFT_RULES_WORKLOAD),
	OUT(local, local, TCP, 15001, WORKLOAD, .oif = "lo", .want = ACCEPT),
	IN("eth0", end, inner, TCP, 8080, .want = ACCEPT),
};

static const struct packet_case little_in_the_pod[] = {
	IN("eth0", outside, pod, TCP, 8080, .want = ACCEPT, .want_mark = INBOUND),
	IN("eth0", outside, pod, UDP, 5353, .want = DROP),
	IN("openshell0", inner6, end6, TCP, 3128, .want = DROP, SEEN),
	ON("eth0", "openshell0", outside, inner, TCP, 8080, .dnat = true, .want = DROP),
};

#undef TOLD
#define TOLD .want_log = NFT_RULES_WORKLOAD

#pragma GCC diagnostic pop

START_TEST(what_leaves_and_enters_the_sandbox)
{
	const struct nft_fence fence = fence_of_all();

	packet_judge(nft_rules_inner, &fence, &inside[_i]);
}
END_TEST

START_TEST(what_leaves_and_enters_the_pod)
{
	const struct nft_fence fence = fence_of_all();

	packet_judge(nft_rules_pod, &fence, &in_the_pod[_i]);
}
END_TEST

START_TEST(without_ipv6_redirection_and_forwarding_the_sandbox)
{
	const struct nft_fence fence = fence_of_little();

	packet_judge(nft_rules_inner, &fence, &little_inside[_i]);
}
END_TEST

START_TEST(without_ipv6_redirection_and_forwarding_the_pod)
{
	const struct nft_fence fence = fence_of_little();

	packet_judge(nft_rules_pod, &fence, &little_in_the_pod[_i]);
}
END_TEST

static struct nft_outcome fate_of(void (*rules)(struct nft *t, const struct nft_fence *fence),
				  const char *chain, const char *to, uint16_t port)
{
	AUTO(nft_done) struct nft t = nft_begin(NFT_RULES_TABLE);
	struct nft_fence fence = fence_of_all();
	const struct nft_packet packet = {
		.iif = "eth0",
		.oif = "eth0",
		.family = strchr(to, ':') != NULL ? AF_INET6 : AF_INET,
		.src = packet_address(to),
		.dst = packet_address(to),
		.protocol = TCP,
		.dport = port,
		.ct_state = NEW,
	};
	uint32_t last_seq;
	struct err err = { 0 };

	fence.dnat_v6 = true;
	rules(&t, &fence);
	ck_assert_int_eq(nft_end(&t, &last_seq, &err), 0);
	return nft_eval(buf_slice(&t.out), chain, &packet);
}

START_TEST(redirection_is_to_the_right_listener)
{
	ck_assert_uint_eq(fate_of(nft_rules_inner, "redirect", outside, 443).port, 15001);
	ck_assert_uint_eq(fate_of(nft_rules_inner, "redirect", outside, 53).port, 15053);
	ck_assert_uint_eq(fate_of(nft_rules_shared, "redirect", outside, 443).port, 15001);
	ck_assert_uint_eq(fate_of(nft_rules_shared, "redirect", outside, 53).port, 15053);
}
END_TEST

START_TEST(inbound_is_rewritten_to_the_workload_in_its_family)
{
	struct nft_outcome v4 = fate_of(nft_rules_pod, "inbound", pod, 8080);
	struct nft_outcome v6 = fate_of(nft_rules_pod, "inbound", pod6, 8080);
	struct address want4 = packet_address(inner), want6 = packet_address(inner6);

	ck_assert_mem_eq(&v4.to, &want4, sizeof(want4));
	ck_assert_mem_eq(&v6.to, &want6, sizeof(want6));
}
END_TEST

START_TEST(the_most_that_may_be_asked_for_fits)
{
	struct fence_port ports[NFT_RULES_PORTS_MAX];
	struct nft_fence fence = fence_of_all();

	for (size_t i = 0; i < ARRAY_LEN(ports); i++)
		ports[i] = (struct fence_port){ (uint16_t)(i + 1), i % 2 != 0 ? TCP : UDP };
	fence.inbound = ports;
	fence.n_inbound = ARRAY_LEN(ports);
	fence.dnat_v6 = true;
	for (int side = 0; side < 2; side++) {
		AUTO(nft_done) struct nft t = nft_begin(NFT_RULES_TABLE);
		uint32_t last_seq;
		struct err err = { 0 };

		(side == 0 ? nft_rules_inner : nft_rules_pod)(&t, &fence);
		ck_assert_msg(nft_end(&t, &last_seq, &err) == 0, "%s", err.msg);
	}
}
END_TEST

START_TEST(what_does_not_fit_is_refused)
{
	AUTO(nft_done) struct nft t = nft_begin(NFT_RULES_TABLE);
	const struct nft_fence fence = fence_of_all();
	uint32_t last_seq = 0;
	struct err err = { 0 };

	for (int i = 0; i < 100; i++)
		nft_rules_pod(&t, &fence);
	ck_assert_int_eq(nft_end(&t, &last_seq, &err), -1);
	ck_assert_int_eq(err.code, ERR_BUG);
	ck_assert_uint_eq(last_seq, 0);
}
END_TEST

Suite *nft_rules_suite(void);
Suite *nft_rules_suite(void)
{
	Suite *s = suite_create("nft_rules");
	TCase *tc = tcase_create("nft_rules");

	tcase_add_loop_test(tc, what_leaves_and_enters_the_sandbox, 0, (int)ARRAY_LEN(inside));
	tcase_add_loop_test(tc, what_leaves_and_enters_the_pod, 0, (int)ARRAY_LEN(in_the_pod));
	tcase_add_loop_test(tc, without_ipv6_redirection_and_forwarding_the_sandbox, 0,
			    (int)ARRAY_LEN(little_inside));
	tcase_add_loop_test(tc, without_ipv6_redirection_and_forwarding_the_pod, 0,
			    (int)ARRAY_LEN(little_in_the_pod));
	tcase_add_test(tc, redirection_is_to_the_right_listener);
	tcase_add_test(tc, inbound_is_rewritten_to_the_workload_in_its_family);
	tcase_add_test(tc, the_most_that_may_be_asked_for_fits);
	tcase_add_test(tc, what_does_not_fit_is_refused);
	suite_add_tcase(s, tc);
	return s;
}
