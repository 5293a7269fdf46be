/* SPDX-License-Identifier: Apache-2.0 */
/* nft_packets: packets and what becomes of them, as rows of a table, for tests of rules. */
#ifndef TESTS_UNIT_NFT_PACKETS_H
#define TESTS_UNIT_NFT_PACKETS_H

#include <netinet/in.h>

#include "agent/net/nft_rules.h"
#include "tests/support/nft_eval.h"

enum {
	PROXY = 1337,
	WORKLOAD = 1000,
	ROOT = 0,
	NONE = NFT_NO_UID,
	NEW = 8,
	INVALID = NFT_CT_INVALID,
	ESTABLISHED = NFT_CT_ESTABLISHED,
	RELATED = NFT_CT_RELATED,
	INBOUND = NFT_RULES_MARK_INBOUND,
	OURS = NFT_RULES_MARK_PROXY,
	REPLY = NFT_CT_REPLY,
	TCP = IPPROTO_TCP,
	UDP = IPPROTO_UDP,
};

/* Of the world, the pod, and of both ends of the link to the sandbox. */
extern const char outside[], outside6[], pod[], pod6[], end[], inner[], end6[], inner6[], local[];

struct address packet_address(const char *text);

/* All that rules can be asked for, with PROXY as the proxy's user. */
struct nft_fence fence_of_all(void);

struct packet_case {
	const char *chain, *iif, *oif, *src, *dst;
	uint8_t protocol;
	uint16_t dport;
	int64_t uid;
	uint16_t sport, want_zone;
	uint32_t state, mark;
	uint8_t direction;
	bool dnat, foreign;
	enum nft_fate want;
	uint32_t want_mark; /* where not 0 */
	const char *want_log;
};

/* What `rules` make of the packet is what the row says. */
void packet_judge(void (*rules)(struct nft *t, const struct nft_fence *fence),
		  const struct nft_fence *fence, const struct packet_case *c);

#define DROP NFT_FATE_DROP
#define ACCEPT NFT_FATE_ACCEPT
#define RESET NFT_FATE_RESET
#define OUT(from, to, proto, port, owner, ...)                                                     \
	{                                                                                          \
		.chain = "output", .oif = "eth0", .src = (from), .dst = (to), .protocol = (proto), \
		.dport = (port), .uid = (owner), .state = NEW, __VA_ARGS__                         \
	}
#define IN(device, from, to, proto, port, ...)                                               \
	{                                                                                    \
		.chain = "input", .iif = (device), .src = (from), .dst = (to),               \
		.protocol = (proto), .dport = (port), .uid = NONE, .state = NEW, __VA_ARGS__ \
	}
#define ON(from_device, to_device, from, to, proto, port, ...)                                \
	{                                                                                     \
		.chain = "forward", .iif = (from_device), .oif = (to_device), .src = (from),  \
		.dst = (to), .protocol = (proto), .dport = (port), .uid = NONE, .state = NEW, \
		__VA_ARGS__                                                                   \
	}
#define NAT(where, device, from, to, proto, port, ...)                                           \
	{                                                                                        \
		.chain = (where), .iif = (device), .oif = (device), .src = (from), .dst = (to),  \
		.protocol = (proto), .dport = (port), .uid = WORKLOAD, .state = NEW, __VA_ARGS__ \
	}
#define TOLD .want_log = NFT_RULES_WORKLOAD

#endif
