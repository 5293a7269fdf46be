/* SPDX-License-Identifier: Apache-2.0 */
/* nft_parts: the rules that several packet filters of a fence have in common. Pure. */
#ifndef AGENT_NET_NFT_PARTS_H
#define AGENT_NET_NFT_PARTS_H

#include "agent/net/nft_rules.h"

enum {
	NFT_PART_LOOPBACK = 1, /* the first device of every namespace */
	NFT_PART_GOING_ON = NFT_CT_ESTABLISHED | NFT_CT_RELATED,
	NFT_PART_MLD_QUERY = 130,
	NFT_PART_LISTENERS_MAX = 3,
};

/* Ports where the proxy takes what is redirected. */
struct nft_part_ports {
	uint8_t protocol;
	uint16_t first, last;
};

/* Those of `fence`; returns how many. */
size_t nft_part_listeners(const struct nft_fence *fence,
			  struct nft_part_ports out[NFT_PART_LISTENERS_MAX]);

/* Chain "refuse", to go to: reports, and drops. A TCP client hears of it at once instead of after two
 * minutes. */
void nft_part_refuse_chain(struct nft *t, const char *prefix);
void nft_part_report(struct nft *t, const char *prefix);

/* Into chain "redirect": all DNS and all TCP that comes so far goes to the listeners. */
void nft_part_redirect(struct nft *t, const struct nft_fence *fence);

/* Into chain "output". */
void nft_part_accept_loopback_out(struct nft *t);
void nft_part_accept_redirected(struct nft *t, const struct nft_part_ports *ports);
void nft_part_accept_proxy_sends(struct nft *t, const struct nft_fence *fence);
void nft_part_refuse_owned(struct nft *t);

/* Into chain "input". */
void nft_part_accept_loopback_in(struct nft *t);
void nft_part_accept_echo(struct nft *t);

/* Into any. */
void nft_part_drop_invalid(struct nft *t, const char *chain);
void nft_part_accept_marked(struct nft *t, const char *chain, uint32_t mark);
void nft_part_accept_replies(struct nft *t, const char *chain); /* to those who connected to us */
void nft_part_accept_icmp6(struct nft *t, const char *chain, uint8_t first, uint8_t last);

/* Ends a rule: the connection is of somebody who connected to us. */
void nft_part_let_in(struct nft *t);

#endif
