/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/net/nft_tx.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/msg.h>
#include <string.h>

enum {
	/* 64 inbound ports in both families are 200 rules of about 400 bytes. */
	TRANSACTION_MAX = 256 << 10,
	PRIORITY_RAW = -300, /* before connections are looked up */
	PRIORITY_DSTNAT = -100,
	PRIORITY_FILTER = 0,
};

static void post(struct nft *t)
{
	if (t->m.failed) {
		t->failed = true;
	} else {
		struct nlmsghdr *header = nlmsg_hdr(t->m.msg);

		header->nlmsg_seq = ++t->seq;
		t->last_at = t->out.n;
		/* Messages are padded to four bytes, and attributes already end so. */
		buf_put(&t->out, header, header->nlmsg_len);
	}
	nl_out_done(&t->m);
}

static void batch(struct nft *t, uint16_t type)
{
	const struct nfgenmsg head = { .res_id = htons(NFNL_SUBSYS_NFTABLES) };

	t->m = nl_out_begin(type, 0, &head, sizeof(head));
}

static void begin(struct nft *t, uint16_t type, uint16_t flags)
{
	const struct nfgenmsg head = { .nfgen_family = NFPROTO_INET };

	t->m = nl_out_begin((uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags, &head,
			    sizeof(head));
}

static void table(struct nft *t, uint16_t type, uint16_t flags)
{
	begin(t, type, flags);
	nl_out_str(&t->m, NFTA_TABLE_NAME, t->table);
	post(t);
}

struct nft nft_begin(const char *name)
{
	struct nft t = { .out = buf_init(TRANSACTION_MAX), .table = name };

	batch(&t, NFNL_MSG_BATCH_BEGIN);
	post(&t);
	/* Created so that it can be deleted: that is how to replace what may not be there. */
	table(&t, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	table(&t, NFT_MSG_DELTABLE, 0);
	table(&t, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	return t;
}

int nft_end(struct nft *t, uint32_t *out_last_seq, struct err *err)
{
	struct nlmsghdr header;

	if (t->failed || t->out.overflow)
		return err_set(err, ERR_BUG, "the packet filter does not fit its buffer");
	/* One acknowledgement for all: one each would not fit the socket's receive buffer. */
	memcpy(&header, t->out.p + t->last_at, sizeof(header));
	header.nlmsg_flags |= NLM_F_ACK;
	memcpy(t->out.p + t->last_at, &header, sizeof(header));
	*out_last_seq = header.nlmsg_seq;
	batch(t, NFNL_MSG_BATCH_END);
	post(t);
	return t->failed || t->out.overflow ? err_set(err, ERR_BUG, "no room to end the batch") : 0;
}

void nft_done(struct nft *t)
{
	buf_done(&t->out);
}

static void base_chain(struct nft *t, const char *chain, const char *type, enum nft_hook hook,
		       int priority, uint32_t policy)
{
	begin(t, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	nl_out_str(&t->m, NFTA_CHAIN_TABLE, t->table);
	nl_out_str(&t->m, NFTA_CHAIN_NAME, chain);
	struct nlattr *nest = nl_out_nest(&t->m, NFTA_CHAIN_HOOK);
	nl_out_be32(&t->m, NFTA_HOOK_HOOKNUM, hook);
	nl_out_be32(&t->m, NFTA_HOOK_PRIORITY, (uint32_t)priority);
	nl_out_nest_end(&t->m, nest);
	nl_out_str(&t->m, NFTA_CHAIN_TYPE, type);
	nl_out_be32(&t->m, NFTA_CHAIN_POLICY, policy);
	post(t);
}

void nft_filter_chain(struct nft *t, const char *chain, enum nft_hook hook)
{
	base_chain(t, chain, "filter", hook, PRIORITY_FILTER, NF_DROP);
}

void nft_nat_chain(struct nft *t, const char *chain, enum nft_hook hook)
{
	base_chain(t, chain, "nat", hook, PRIORITY_DSTNAT, NF_ACCEPT);
}

void nft_raw_chain(struct nft *t, const char *chain, enum nft_hook hook)
{
	base_chain(t, chain, "filter", hook, PRIORITY_RAW, NF_ACCEPT);
}

void nft_plain_chain(struct nft *t, const char *chain)
{
	begin(t, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	nl_out_str(&t->m, NFTA_CHAIN_TABLE, t->table);
	nl_out_str(&t->m, NFTA_CHAIN_NAME, chain);
	post(t);
}

void nft_rule(struct nft *t, const char *chain)
{
	begin(t, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	nl_out_str(&t->m, NFTA_RULE_TABLE, t->table);
	nl_out_str(&t->m, NFTA_RULE_CHAIN, chain);
	t->expressions = nl_out_nest(&t->m, NFTA_RULE_EXPRESSIONS);
}

void nft_rule_end(struct nft *t)
{
	nl_out_nest_end(&t->m, t->expressions);
	post(t);
}
