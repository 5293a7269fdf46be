/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "lib/cleanup.h"
#include "tests/unit/nft_packets.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"

static const struct packet_case in_one[] = {
	/* the proxy */
	OUT(pod, outside, TCP, 443, PROXY, .want = ACCEPT, .want_mark = OURS),
	OUT(pod6, outside6, UDP, 53, PROXY, .want = ACCEPT, .want_mark = OURS),
	OUT(pod, outside, TCP, 15001, PROXY, .want = ACCEPT, .want_mark = OURS),
	OUT(pod, outside, TCP, 15090, PROXY, .want = ACCEPT, .want_mark = OURS),
	OUT(pod, outside, TCP, 443, NONE, .state = ESTABLISHED, .mark = OURS, .want = ACCEPT),
	OUT(pod, outside, TCP, 443, PROXY, .state = INVALID, .want = DROP),
	OUT(pod, outside, TCP, 443, PROXY, .state = ESTABLISHED, .direction = REPLY, .want = RESET,
	    TOLD),
	/* nobody else, whatever it looks like */
	OUT(pod, outside, TCP, 443, WORKLOAD, .want = RESET, TOLD),
	OUT(pod, outside, TCP, 443, ROOT, .want = RESET, TOLD),
	OUT(pod, outside, UDP, 53, WORKLOAD, .want = DROP, TOLD),
	OUT(pod6, outside6, UDP, 443, WORKLOAD, .want = DROP, TOLD),
	OUT(pod, outside, UDP, 443, WORKLOAD, .state = ESTABLISHED, .mark = OURS, .want = DROP,
	    TOLD),
	OUT(pod, outside, UDP, 443, WORKLOAD, .state = ESTABLISHED, .direction = REPLY,
	    .want = DROP, TOLD),
	OUT(pod, outside, UDP, 443, WORKLOAD, .state = RELATED, .want = DROP, TOLD),
	OUT(pod, outside, TCP, 443, NONE, .state = ESTABLISHED, .want = DROP),
	OUT(pod, outside, IPPROTO_ICMP, 8, WORKLOAD, .want = DROP, TOLD),
	OUT(pod6, outside6, IPPROTO_ICMPV6, 128, WORKLOAD, .want = DROP, TOLD),
	OUT(pod6, outside6, IPPROTO_ICMPV6, 135, WORKLOAD, .state = 0, .want = DROP, TOLD),
	OUT(pod, outside, IPPROTO_SCTP, 9, WORKLOAD, .want = DROP, TOLD),
	/* what it has to say about its groups is the workload's choice */
	OUT(pod6, outside6, IPPROTO_ICMPV6, 131, NONE, .state = 0, .want = DROP),
	OUT(pod6, outside6, IPPROTO_ICMPV6, 143, NONE, .state = 0, .want = DROP),
	OUT(pod6, outside6, IPPROTO_ICMPV6, 135, NONE, .state = 0, .want = ACCEPT),
	/* redirected */
	NAT("redirect", "eth0", pod, outside, TCP, 443, .want = NFT_FATE_REDIRECT),
	NAT("redirect", "eth0", pod6, outside6, TCP, 443, .want = NFT_FATE_REDIRECT),
	NAT("redirect", "eth0", pod, outside, UDP, 53, .want = NFT_FATE_REDIRECT),
	NAT("redirect", "eth0", pod, outside, UDP, 443, .want = ACCEPT),
	NAT("redirect", "eth0", pod, outside, TCP, 443, .uid = PROXY, .want = ACCEPT),
	NAT("redirect", "eth0", pod, outside, UDP, 53, .uid = PROXY, .want = ACCEPT),
	NAT("redirect", "eth0", pod, outside, TCP, 443, .uid = ROOT, .want = NFT_FATE_REDIRECT),
	NAT("redirect", "lo", local, local, TCP, 8080, .want = ACCEPT),
	OUT(pod, local, TCP, 15001, WORKLOAD, .dnat = true, .want = ACCEPT),
	OUT(pod, local, TCP, 15008, WORKLOAD, .dnat = true, .want = ACCEPT),
	OUT(pod, local, UDP, 15053, WORKLOAD, .dnat = true, .want = ACCEPT),
	OUT(pod, local, TCP, 15009, WORKLOAD, .dnat = true, .want = RESET, TOLD),
	/* the proxy's, kept apart from all others */
	NAT("apart", "eth0", pod, outside, UDP, 53, .uid = PROXY, .want = ACCEPT, .want_zone = 1),
	NAT("apart", "eth0", pod, outside, UDP, 53, .uid = WORKLOAD, .want = ACCEPT),
	NAT("apart", "eth0", pod, outside, UDP, 53, .uid = NONE, .want = ACCEPT),
	NAT("apart", "eth0", pod, outside, TCP, 443, .uid = PROXY, .want = ACCEPT),
	NAT("apart", "lo", local, local, UDP, 40000, .uid = PROXY, .want = ACCEPT),
	/* from an address that is not ours */
	OUT(outside6, pod6, UDP, 40000, WORKLOAD, .oif = "lo", .foreign = true, .sport = 53,
	    .want = DROP, TOLD),
	OUT(outside6, pod6, UDP, 40000, WORKLOAD, .oif = "lo", .foreign = true, .sport = 53,
	    .state = ESTABLISHED, .direction = REPLY, .mark = OURS, .want = DROP, TOLD),
	OUT(outside6, pod6, TCP, 8080, ROOT, .oif = "lo", .foreign = true, .want = RESET, TOLD),
	/* over loopback */
	OUT(local, local, TCP, 8080, WORKLOAD, .oif = "lo", .want = ACCEPT),
	OUT(local, local, TCP, 3128, WORKLOAD, .oif = "lo", .want = ACCEPT),
	OUT(pod, pod, UDP, 9999, WORKLOAD, .oif = "lo", .want = ACCEPT),
	OUT(local, local, TCP, 15001, WORKLOAD, .oif = "lo", .want = RESET, TOLD),
	OUT(local, local, TCP, 15008, WORKLOAD, .oif = "lo", .want = RESET, TOLD),
	OUT(local, local, UDP, 15053, WORKLOAD, .oif = "lo", .want = DROP, TOLD),
	OUT(local, local, TCP, 15053, WORKLOAD, .oif = "lo", .want = RESET, TOLD),
	OUT(pod, pod, TCP, 15090, WORKLOAD, .oif = "lo", .want = RESET, TOLD),
	/* who answers for the proxy */
	OUT(local, local, TCP, 40000, PROXY, .oif = "lo", .sport = 3128, .direction = REPLY,
	    .want = ACCEPT),
	OUT(local, pod, TCP, 40000, ROOT, .oif = "lo", .sport = 15001, .direction = REPLY,
	    .want = ACCEPT),
	OUT(local, pod, UDP, 40000, PROXY, .oif = "lo", .sport = 15053, .direction = REPLY,
	    .want = ACCEPT),
	OUT(local, local, TCP, 40000, NONE, .oif = "lo", .sport = 3128, .direction = REPLY,
	    .want = ACCEPT),
	OUT(local, local, TCP, 40000, WORKLOAD, .oif = "lo", .sport = 3128, .direction = REPLY,
	    .want = RESET, TOLD),
	OUT(local, pod, TCP, 40000, WORKLOAD, .oif = "lo", .sport = 15008, .direction = REPLY,
	    .want = RESET, TOLD),
	OUT(local, pod, UDP, 40000, WORKLOAD, .oif = "lo", .sport = 15053, .direction = REPLY,
	    .want = DROP, TOLD),
	OUT(local, local, TCP, 8080, WORKLOAD, .oif = "lo", .sport = 3128, .want = ACCEPT),
	/* from outside: whatever is served */
	IN("eth0", outside, pod, TCP, 8080, .want = ACCEPT, .want_mark = INBOUND),
	IN("eth0", outside6, pod6, UDP, 5353, .want = ACCEPT, .want_mark = INBOUND),
	IN("eth0", outside, pod, TCP, 15090, .want = ACCEPT, .want_mark = INBOUND),
	IN("eth0", outside, pod, IPPROTO_ICMP, 8, .want = ACCEPT, .want_mark = INBOUND),
	IN("eth0", outside, pod, IPPROTO_SCTP, 8, .want = DROP),
	IN("eth0", outside, pod, TCP, 8080, .state = INVALID, .want = DROP),
	IN("eth0", outside, pod, TCP, 99, .state = ESTABLISHED, .direction = REPLY, .mark = OURS,
	   .want = ACCEPT),
	IN("eth0", outside, pod, UDP, 99, .state = ESTABLISHED, .direction = REPLY, .want = DROP),
	IN("eth0", outside6, pod6, IPPROTO_ICMPV6, 136, .state = 0, .want = ACCEPT),
	IN("eth0", outside6, pod6, IPPROTO_ICMPV6, 137, .state = 0, .want = DROP),
	IN("lo", local, local, TCP, 8080, .want = ACCEPT),
	/* and the answers */
	OUT(pod, outside, TCP, 99, WORKLOAD, .state = ESTABLISHED, .direction = REPLY,
	    .mark = INBOUND, .want = ACCEPT),
	OUT(pod, outside, TCP, 99, NONE, .state = RELATED, .direction = REPLY, .mark = INBOUND,
	    .want = ACCEPT),
	OUT(pod, outside, TCP, 99, WORKLOAD, .state = ESTABLISHED, .mark = INBOUND, .want = RESET,
	    TOLD),
	ON("eth0", "eth1", outside, inner, TCP, 8080, .want = DROP),
};

#pragma GCC diagnostic pop

START_TEST(what_leaves_and_enters_a_pod_that_all_share)
{
	const struct nft_fence fence = fence_of_all();

	packet_judge(nft_rules_shared, &fence, &in_one[_i]);
}
END_TEST

Suite *nft_shared_suite(void);
Suite *nft_shared_suite(void)
{
	Suite *s = suite_create("nft_shared");
	TCase *tc = tcase_create("nft_shared");

	tcase_add_loop_test(tc, what_leaves_and_enters_a_pod_that_all_share, 0,
			    (int)ARRAY_LEN(in_one));
	suite_add_tcase(s, tc);
	return s;
}
