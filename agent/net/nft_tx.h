/* SPDX-License-Identifier: Apache-2.0 */
/* nft_tx: one transaction of a packet filter: a table, its chains and rules, as messages in a buffer.
 * Pure (agent/net/nft_load sends it). What does not fit sticks and is reported by nft_end(). */
#ifndef AGENT_NET_NFT_TX_H
#define AGENT_NET_NFT_TX_H

#include "agent/net/nl_out.h"
#include "lib/buf.h"
#include "lib/err.h"

enum nft_hook { NFT_PREROUTING = 0, NFT_INPUT = 1, NFT_FORWARD = 2, NFT_OUTPUT = 3 };

struct nft {
	struct buf out;
	const char *table;
	struct nl_out m; /* the message that is being written */
	struct nlattr *expressions;
	size_t last_at; /* where the last finished message starts */
	uint32_t seq;
	bool failed;
};

/* Starts a transaction that replaces table `name` of family inet and touches no other. */
struct nft nft_begin(const char *name);

/* Finishes it. `out_last_seq` is the message that will be acknowledged. The bytes are in `t->out`. */
int nft_end(struct nft *t, uint32_t *out_last_seq, struct err *err);
void nft_done(struct nft *t);

/* A filter chain drops what no rule accepts; a nat chain lets it pass, and so does a raw one, which comes before the
 * packet's connection is known. A plain chain is jumped to. */
void nft_filter_chain(struct nft *t, const char *chain, enum nft_hook hook);
void nft_raw_chain(struct nft *t, const char *chain, enum nft_hook hook);
void nft_nat_chain(struct nft *t, const char *chain, enum nft_hook hook);
void nft_plain_chain(struct nft *t, const char *chain);

/* A rule is made of expressions (agent/net/nft_expr), each put between these two. */
void nft_rule(struct nft *t, const char *chain);
void nft_rule_end(struct nft *t);

#endif
