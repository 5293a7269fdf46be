/* SPDX-License-Identifier: Apache-2.0 */
/* nft_load: gives a finished transaction to the kernel, which takes all of it or nothing. */
#ifndef AGENT_NET_NFT_LOAD_H
#define AGENT_NET_NFT_LOAD_H

#include "agent/net/nft_rules.h"
#include "agent/net/nl_chan.h"

/* `chan`: NETLINK_NETFILTER, in the namespace to be fenced. Idempotent. What the kernel refuses is in
 * `err` in its own words, with what to change where that is known. */
int nft_load(struct nl_chan *chan, void (*rules)(struct nft *t, const struct nft_fence *fence),
	     const struct nft_fence *fence, struct err *err);

/* Adds to the kernel's refusal what to change. -1. */
int nft_explain(struct err *err);

#endif
