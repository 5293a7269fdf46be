/* SPDX-License-Identifier: Apache-2.0 */
/* nft_rules: the packet filters of a fence, as messages for the kernel. Pure.
 *
 * Where the workload has a namespace of its own there are two. Inside, the workload may talk to itself, to the proxy's port and to those who connected to it.
 * In the pod, the proxy's UID alone may send, and the workload's end of the link reaches the proxy's
 * port and nothing else. Where workload and proxy share the pod's namespace there is one, which tells them
 * apart by UID. Everything else is dropped, in both families and every protocol.
 *
 * Being established is not enough to pass: a program can make a connection look so by itself, from an
 * address that is not its own to one that is (over IPv6 that takes no privilege). So the rules mark the connections that they let in or
 * out, and replies pass by that mark, which is in the kernel and which only NET_ADMIN can set. */
#ifndef AGENT_NET_NFT_RULES_H
#define AGENT_NET_NFT_RULES_H

#include "agent/net/nft_expr.h"
#include "agent/net/subnet.h"

#define NFT_RULES_TABLE "openshell"

/* What each dropped packet tried, as the reports of the kernel are prefixed. */
#define NFT_RULES_WORKLOAD "openshell-workload" /* left the sandbox other than through the proxy */
#define NFT_RULES_LINK "openshell-link" /* got past that, and was stopped in the pod */
#define NFT_RULES_POD "openshell-pod" /* another process of the pod */

enum {
	NFT_RULES_LOG_GROUP = 3128,
	NFT_RULES_PORTS_MAX = 64,
	NFT_RULES_MARK_INBOUND = 0x05000001,
	NFT_RULES_MARK_PROXY = 0x05000002,
};

struct fence_port {
	uint16_t port;
	uint8_t protocol; /* IPPROTO_TCP or IPPROTO_UDP */
};

struct nft_fence {
	struct subnet v4, v6;
	bool has_v6; /* the link does */
	uint32_t proxy_uid;
	uint16_t proxy_port;
	/* Served by the workload. Per family: rewritten to its address by the kernel, or else let in to
	 * listeners in the pod that pass them on (TCP only). */
	const struct fence_port *inbound;
	size_t n_inbound;
	bool dnat_v4, dnat_v6;
	/* TCP, served in the pod by the agent itself: metrics, health. */
	const uint16_t *own;
	size_t n_own;
	/* All TCP and all DNS of the workload goes to these listeners inside; 0 for none. TCP to as many as
	 * `transparent_ports` from the first on (0 counts as 1): two connections from one source port to two
	 * destinations need two, or the kernel gives one of them another source port, under which nobody finds
	 * the program. */
	uint16_t transparent_port, transparent_ports, dns_port;
};

/* Both fill a begun transaction; nft_end() says whether it fitted. */
void nft_rules_inner(struct nft *t, const struct nft_fence *fence);
void nft_rules_pod(struct nft *t, const struct nft_fence *fence);

/* Of one namespace for all; the links and inbound ports of `fence` are not looked at. */
void nft_rules_shared(struct nft *t, const struct nft_fence *fence);

#endif
