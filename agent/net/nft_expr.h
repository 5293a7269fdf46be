/* SPDX-License-Identifier: Apache-2.0 */
/* nft_expr: the vocabulary of a packet filter's rules, in the order in which the nft program would
 * have them written. Pure. */
#ifndef AGENT_NET_NFT_EXPR_H
#define AGENT_NET_NFT_EXPR_H

#include "agent/net/nft_tx.h"
#include "policy/cidr.h"

/* Bits of a connection's state and status (linux/netfilter/nf_conntrack_common.h). */
enum {
	NFT_CT_INVALID = 1,
	NFT_CT_ESTABLISHED = 2,
	NFT_CT_RELATED = 4,
	NFT_CT_ORIGINAL = 0, /* directions */
	NFT_CT_REPLY = 1,
};

/* Matches: the rule goes on only with packets that fit. */
void nft_match_iif(struct nft *t, int index);
void nft_match_oif(struct nft *t, int index);
void nft_match_iifname(struct nft *t, const char *name);
void nft_match_not_iifname(struct nft *t, const char *name);
void nft_match_oifname(struct nft *t, const char *name);
void nft_match_family(struct nft *t, int family); /* AF_INET or AF_INET6 */
void nft_match_protocol(struct nft *t, uint8_t protocol);
void nft_match_dport(struct nft *t, uint8_t protocol, uint16_t port);
void nft_match_dports(struct nft *t, uint8_t protocol, uint16_t first, uint16_t last);
void nft_match_sports(struct nft *t, uint8_t protocol, uint16_t first, uint16_t last);
void nft_match_saddr(struct nft *t, struct address address);
void nft_match_daddr(struct nft *t, struct address address);
/* Sent from an address that no device here has. */
void nft_match_foreign_saddr(struct nft *t);
void nft_match_icmp_types(struct nft *t, uint8_t protocol, uint8_t first, uint8_t last);
void nft_match_owner(struct nft *t, uint32_t uid);
/* Packets that a process sends, in contrast to the kernel's own and those of closed sockets. */
void nft_match_owned(struct nft *t);
void nft_match_ct_state(struct nft *t, uint32_t bits);
void nft_match_ct_direction(struct nft *t, uint8_t direction);
void nft_match_ct_dnat(struct nft *t);
void nft_match_ct_mark(struct nft *t, uint32_t mark);

/* Statements: the rule goes on. */
void nft_ct_mark_set(struct nft *t, uint32_t mark);
/* Before connections are looked up: what is sent is of connections that are kept apart, and answers find them. */
void nft_ct_zone_set_original(struct nft *t, uint16_t zone);
void nft_limit(struct nft *t, uint64_t per_second, uint32_t burst);
void nft_log(struct nft *t, const char *prefix, uint16_t group);

/* Verdicts: these end the rule, so nft_rule_end() is not called. */
void nft_accept(struct nft *t);
void nft_drop(struct nft *t);
void nft_goto(struct nft *t, const char *chain);
void nft_reset(struct nft *t); /* TCP only */
void nft_dnat(struct nft *t, struct address to); /* keeps the port */
/* To the first of these ports on loopback where the connection is told apart from others. */
void nft_redirect(struct nft *t, uint16_t first, uint16_t last);

#endif
