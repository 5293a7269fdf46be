/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/nft_eval.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/net/nl_in.h"

enum { V4_OFFSET = 12, STATUS_DNAT = 1 << 5, ATTR_MAX = 16, NAME_BYTES = 16 };

/* What an expression did to the rule. */
enum next { NEXT_EXPR = 0, NEXT_RULE, NEXT_CHAIN, FINISHED };

struct machine {
	struct slice transaction;
	const struct nft_packet *packet;
	struct nft_outcome out;
	uint8_t reg[16];
	const char *target; /* of NEXT_CHAIN */
	bool limited; /* this rule has a limit */
};

struct attrs {
	struct slice at[ATTR_MAX];
};

static _Noreturn void unknown(const char *what)
{
	fprintf(stderr, "nft_eval: %s is not known\n", what);
	abort();
}

static struct attrs attrs_of(struct slice bytes)
{
	struct attrs all = { 0 };
	struct rd r = rd_init(bytes);
	struct nl_in_attr attr;

	while (nl_in_attr(&r, &attr))
		if (attr.type < ATTR_MAX)
			all.at[attr.type] = attr.value;
	if (r.bad)
		unknown("an attribute of this length");
	return all;
}

static uint32_t be32(struct slice value)
{
	return ntohl(nl_in_u32(value));
}

static void load(struct machine *m, const void *bytes, size_t n)
{
	memset(m->reg, 0, sizeof(m->reg));
	memcpy(m->reg, bytes, n);
}

static void load_u32(struct machine *m, uint32_t value)
{
	load(m, &value, sizeof(value));
}

static enum next load_device(struct machine *m, const char *name, bool by_name)
{
	char padded[NAME_BYTES] = "";

	if (name == NULL)
		return NEXT_RULE;
	strncpy(padded, name, sizeof(padded) - 1);
	if (by_name)
		load(m, padded, sizeof(padded));
	else
		load_u32(m, strcmp(name, "lo") == 0 ? 1 : 2);
	return NEXT_EXPR;
}

static enum next do_meta(struct machine *m, const struct attrs *a)
{
	const struct nft_packet *p = m->packet;
	const uint8_t family = p->family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;

	switch (be32(a->at[NFTA_META_KEY])) {
	case NFT_META_IIF:
		return load_device(m, p->iif, false);
	case NFT_META_OIF:
		return load_device(m, p->oif, false);
	case NFT_META_IIFNAME:
		return load_device(m, p->iif, true);
	case NFT_META_OIFNAME:
		return load_device(m, p->oif, true);
	case NFT_META_NFPROTO:
		load(m, &family, 1);
		return NEXT_EXPR;
	case NFT_META_L4PROTO:
		load(m, &p->protocol, 1);
		return NEXT_EXPR;
	case NFT_META_SKUID:
		load_u32(m, (uint32_t)p->uid);
		return p->uid == NFT_NO_UID ? NEXT_RULE : NEXT_EXPR;
	default:
		unknown("a meta key");
	}
}

static enum next do_fib(struct machine *m, const struct attrs *a)
{
	if (be32(a->at[NFTA_FIB_RESULT]) != NFT_FIB_RESULT_ADDRTYPE ||
	    be32(a->at[NFTA_FIB_FLAGS]) != NFTA_FIB_F_SADDR)
		unknown("another question to the routes");
	load_u32(m, m->packet->is_foreign ? RTN_UNICAST : RTN_LOCAL);
	return NEXT_EXPR;
}

static enum next set_ct(struct machine *m, const struct attrs *a)
{
	const struct slice direction = a->at[NFTA_CT_DIRECTION];

	switch (be32(a->at[NFTA_CT_KEY])) {
	case NFT_CT_MARK:
		memcpy(&m->out.ct_mark, m->reg, sizeof(m->out.ct_mark));
		break;
	case NFT_CT_ZONE:
		if (direction.n != 1 || direction.p[0] != 0)
			unknown("a zone for answers");
		memcpy(&m->out.zone, m->reg, sizeof(m->out.zone));
		break;
	default:
		unknown("a ct key to set");
	}
	return NEXT_EXPR;
}

static enum next do_ct(struct machine *m, const struct attrs *a)
{
	const struct nft_packet *p = m->packet;

	if (a->at[NFTA_CT_SREG].n > 0)
		return set_ct(m, a);
	switch (be32(a->at[NFTA_CT_KEY])) {
	case NFT_CT_STATE:
		load_u32(m, p->ct_state);
		break;
	case NFT_CT_DIRECTION:
		load(m, &p->ct_direction, 1);
		break;
	case NFT_CT_STATUS:
		load_u32(m, p->ct_dnat ? STATUS_DNAT : 0);
		break;
	case NFT_CT_MARK:
		load_u32(m, m->out.ct_mark);
		break;
	default:
		unknown("a ct key");
	}
	return NEXT_EXPR;
}

static enum next load_header(struct machine *m, uint32_t offset, uint32_t n)
{
	const struct nft_packet *p = m->packet;
	size_t skip = p->family == AF_INET ? V4_OFFSET : 0;

	if (n != 16 - skip)
		return NEXT_RULE;
	if (offset == (skip != 0 ? 12U : 8U))
		load(m, p->src.bytes + skip, n);
	else if (offset == (skip != 0 ? 16U : 24U))
		load(m, p->dst.bytes + skip, n);
	else
		unknown("an offset in the network header");
	return NEXT_EXPR;
}

static enum next do_payload(struct machine *m, const struct attrs *a)
{
	uint32_t base = be32(a->at[NFTA_PAYLOAD_BASE]), n = be32(a->at[NFTA_PAYLOAD_LEN]);
	uint32_t offset = be32(a->at[NFTA_PAYLOAD_OFFSET]);
	const uint16_t sport = htons(m->packet->sport), dport = htons(m->packet->dport);

	if (base == NFT_PAYLOAD_NETWORK_HEADER)
		return load_header(m, offset, n);
	if (offset == 2 && n == 2)
		load(m, &dport, sizeof(dport));
	else if (offset == 0 && n == 2)
		load(m, &sport, sizeof(sport));
	else if (offset == 0 && n == 1)
		load(m, &m->packet->icmp_type, 1);
	else
		unknown("a place in the transport header");
	return NEXT_EXPR;
}

static enum next do_cmp(struct machine *m, const struct attrs *a)
{
	struct slice want = attrs_of(a->at[NFTA_CMP_DATA]).at[NFTA_DATA_VALUE];
	int order = memcmp(m->reg, want.p, want.n);
	bool holds;

	switch (be32(a->at[NFTA_CMP_OP])) {
	case NFT_CMP_EQ:
		holds = order == 0;
		break;
	case NFT_CMP_NEQ:
		holds = order != 0;
		break;
	case NFT_CMP_GTE:
		holds = order >= 0;
		break;
	case NFT_CMP_LTE:
		holds = order <= 0;
		break;
	default:
		unknown("a comparison");
	}
	return holds ? NEXT_EXPR : NEXT_RULE;
}

static enum next do_bitwise(struct machine *m, const struct attrs *a)
{
	struct slice mask = attrs_of(a->at[NFTA_BITWISE_MASK]).at[NFTA_DATA_VALUE];
	struct slice xor = attrs_of(a->at[NFTA_BITWISE_XOR]).at[NFTA_DATA_VALUE];

	for (size_t i = 0; i < mask.n; i++)
		m->reg[i] = (uint8_t)((m->reg[i] & mask.p[i]) ^ xor.p[i]);
	return NEXT_EXPR;
}

static enum next do_immediate(struct machine *m, const struct attrs *a)
{
	struct attrs data = attrs_of(a->at[NFTA_IMMEDIATE_DATA]);

	/* The end of a range: the kernel goes there only where the beginning is taken. */
	if (be32(a->at[NFTA_IMMEDIATE_DREG]) == NFT_REG_2)
		return NEXT_EXPR;
	if (be32(a->at[NFTA_IMMEDIATE_DREG]) != NFT_REG_VERDICT) {
		load(m, data.at[NFTA_DATA_VALUE].p, data.at[NFTA_DATA_VALUE].n);
		return NEXT_EXPR;
	}
	struct attrs verdict = attrs_of(data.at[NFTA_DATA_VERDICT]);
	switch ((int)be32(verdict.at[NFTA_VERDICT_CODE])) {
	case NF_ACCEPT:
		m->out.fate = NFT_FATE_ACCEPT;
		return FINISHED;
	case NF_DROP:
		m->out.fate = NFT_FATE_DROP;
		return FINISHED;
	case NFT_GOTO:
		m->target = nl_in_text(verdict.at[NFTA_VERDICT_CHAIN]);
		return NEXT_CHAIN;
	default:
		unknown("a verdict");
	}
}

static enum next do_log(struct machine *m, const struct attrs *a)
{
	if (!m->limited)
		unknown("a report without a limit");
	snprintf(m->out.logged, sizeof(m->out.logged), "%s", nl_in_text(a->at[NFTA_LOG_PREFIX]));
	return NEXT_EXPR;
}

static enum next do_limit(struct machine *m, const struct attrs *a)
{
	m->limited = true;
	if (a->at[NFTA_LIMIT_RATE].n != 8 || a->at[NFTA_LIMIT_UNIT].n != 8)
		unknown("a limit");
	return NEXT_EXPR;
}

static enum next do_reject(struct machine *m, const struct attrs *a)
{
	if (be32(a->at[NFTA_REJECT_TYPE]) != NFT_REJECT_TCP_RST)
		unknown("a kind of reject");
	m->out.fate = NFT_FATE_RESET;
	return FINISHED;
}

static enum next do_nat(struct machine *m, const struct attrs *a)
{
	bool is_v4 = be32(a->at[NFTA_NAT_FAMILY]) == NFPROTO_IPV4;

	if (be32(a->at[NFTA_NAT_TYPE]) != NFT_NAT_DNAT)
		unknown("a kind of nat");
	m->out.to = is_v4 ? address_v4(m->reg) : address_v6(m->reg);
	m->out.fate = NFT_FATE_DNAT;
	return FINISHED;
}

static enum next do_redir(struct machine *m, const struct attrs *a)
{
	if (be32(a->at[NFTA_REDIR_FLAGS]) == 0)
		unknown("a redirect without a port");
	m->out.port = (uint16_t)(m->reg[0] << 8 | m->reg[1]);
	m->out.fate = NFT_FATE_REDIRECT;
	return FINISHED;
}

static const struct {
	const char *name;
	enum next (*run)(struct machine *m, const struct attrs *a);
} expressions[] = {
	{ "meta", do_meta }, { "ct", do_ct },           { "payload", do_payload },
	{ "cmp", do_cmp },   { "bitwise", do_bitwise }, { "immediate", do_immediate },
	{ "log", do_log },   { "limit", do_limit },     { "reject", do_reject },
	{ "nat", do_nat },   { "redir", do_redir },     { "fib", do_fib },
};

static enum next run_expression(struct machine *m, struct slice element)
{
	struct attrs e = attrs_of(element);
	const char *name = nl_in_text(e.at[NFTA_EXPR_NAME]);
	struct attrs data = attrs_of(e.at[NFTA_EXPR_DATA]);

	for (size_t i = 0; i < sizeof(expressions) / sizeof(expressions[0]); i++)
		if (strcmp(expressions[i].name, name) == 0)
			return expressions[i].run(m, &data);
	unknown(name);
}

static enum next run_rule(struct machine *m, struct slice list)
{
	struct rd r = rd_init(list);
	struct nl_in_attr element;
	enum next next = NEXT_EXPR;

	m->limited = false;
	while (next == NEXT_EXPR && nl_in_attr(&r, &element))
		next = run_expression(m, element.value);
	return next;
}

static bool is_kind(const struct nl_in *message, uint16_t kind)
{
	return message->type == (NFNL_SUBSYS_NFTABLES << 8 | kind);
}

static struct attrs attrs_after_head(const struct nl_in *message)
{
	struct rd r = rd_init(message->body);

	rd_take(&r, sizeof(struct nfgenmsg));
	return attrs_of(r.left);
}

/* Rules in order; FINISHED, NEXT_CHAIN, or NEXT_RULE at the chain's end. */
static enum next run_chain(struct machine *m, const char *chain)
{
	struct rd r = rd_init(m->transaction);
	struct nl_in message;
	enum next next = NEXT_RULE;

	while (next <= NEXT_RULE && nl_in_next(&r, &message)) {
		if (!is_kind(&message, NFT_MSG_NEWRULE))
			continue;
		struct attrs rule = attrs_after_head(&message);
		if (strcmp(nl_in_text(rule.at[NFTA_RULE_CHAIN]), chain) == 0)
			next = run_rule(m, rule.at[NFTA_RULE_EXPRESSIONS]);
	}
	return next;
}

static enum nft_fate policy_of(struct slice transaction, const char *chain)
{
	struct rd r = rd_init(transaction);
	struct nl_in message;

	while (nl_in_next(&r, &message)) {
		if (!is_kind(&message, NFT_MSG_NEWCHAIN))
			continue;
		struct attrs a = attrs_after_head(&message);
		if (strcmp(nl_in_text(a.at[NFTA_CHAIN_NAME]), chain) == 0 &&
		    a.at[NFTA_CHAIN_HOOK].n > 0)
			return be32(a.at[NFTA_CHAIN_POLICY]) == NF_ACCEPT ? NFT_FATE_ACCEPT
									  : NFT_FATE_DROP;
	}
	unknown(chain);
}

struct nft_outcome nft_eval(struct slice transaction, const char *chain,
			    const struct nft_packet *packet)
{
	struct machine m = {
		.transaction = transaction,
		.packet = packet,
		.out.ct_mark = packet->ct_mark,
		.target = chain,
	};
	enum nft_fate policy = policy_of(transaction, chain);
	enum next next = NEXT_CHAIN;

	while (next == NEXT_CHAIN)
		next = run_chain(&m, m.target);
	if (next != FINISHED)
		m.out.fate = policy;
	return m.out;
}
