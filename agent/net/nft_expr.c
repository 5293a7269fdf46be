/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/net/nft_expr.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

enum {
	V4_OFFSET = 12, /* of an IPv4 address in its mapped form */
	V4_SADDR = 12, /* offsets in the network header */
	V4_DADDR = 16,
	V6_SADDR = 8,
	V6_DADDR = 24,
	SPORT = 0, /* in the transport header, of TCP and UDP alike */
	DPORT = 2,
	ICMP_TYPE = 0,
	STATUS_DNAT = 1 << 5, /* IPS_DST_NAT */
};

struct expr {
	struct nlattr *element, *data;
};

static struct expr expr(struct nft *t, const char *name)
{
	struct expr e = { .element = nl_out_nest(&t->m, NFTA_LIST_ELEM) };

	nl_out_str(&t->m, NFTA_EXPR_NAME, name);
	e.data = nl_out_nest(&t->m, NFTA_EXPR_DATA);
	return e;
}

static void expr_end(struct nft *t, struct expr e)
{
	nl_out_nest_end(&t->m, e.data);
	nl_out_nest_end(&t->m, e.element);
}

static void value(struct nft *t, uint16_t type, const void *bytes, size_t n)
{
	struct nlattr *nest = nl_out_nest(&t->m, type);

	nl_out_put(&t->m, NFTA_DATA_VALUE, bytes, n);
	nl_out_nest_end(&t->m, nest);
}

static void cmp(struct nft *t, uint32_t op, const void *bytes, size_t n)
{
	struct expr e = expr(t, "cmp");

	nl_out_be32(&t->m, NFTA_CMP_SREG, NFT_REG_1);
	nl_out_be32(&t->m, NFTA_CMP_OP, op);
	value(t, NFTA_CMP_DATA, bytes, n);
	expr_end(t, e);
}

static void meta(struct nft *t, uint32_t key)
{
	struct expr e = expr(t, "meta");

	nl_out_be32(&t->m, NFTA_META_KEY, key);
	nl_out_be32(&t->m, NFTA_META_DREG, NFT_REG_1);
	expr_end(t, e);
}

static void payload(struct nft *t, uint32_t base, uint32_t offset, uint32_t n)
{
	struct expr e = expr(t, "payload");

	nl_out_be32(&t->m, NFTA_PAYLOAD_DREG, NFT_REG_1);
	nl_out_be32(&t->m, NFTA_PAYLOAD_BASE, base);
	nl_out_be32(&t->m, NFTA_PAYLOAD_OFFSET, offset);
	nl_out_be32(&t->m, NFTA_PAYLOAD_LEN, n);
	expr_end(t, e);
}

static void ct(struct nft *t, uint32_t key, uint16_t reg_attr)
{
	struct expr e = expr(t, "ct");

	nl_out_be32(&t->m, NFTA_CT_KEY, key);
	nl_out_be32(&t->m, reg_attr, NFT_REG_1);
	expr_end(t, e);
}

static void immediate_to(struct nft *t, enum nft_registers to, const void *bytes, size_t n)
{
	struct expr e = expr(t, "immediate");

	nl_out_be32(&t->m, NFTA_IMMEDIATE_DREG, to);
	value(t, NFTA_IMMEDIATE_DATA, bytes, n);
	expr_end(t, e);
}

static void immediate(struct nft *t, const void *bytes, size_t n)
{
	immediate_to(t, NFT_REG_1, bytes, n);
}

static void verdict(struct nft *t, int code, const char *chain)
{
	struct expr e = expr(t, "immediate");

	nl_out_be32(&t->m, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	struct nlattr *data = nl_out_nest(&t->m, NFTA_IMMEDIATE_DATA);
	struct nlattr *nest = nl_out_nest(&t->m, NFTA_DATA_VERDICT);
	nl_out_be32(&t->m, NFTA_VERDICT_CODE, (uint32_t)code);
	if (chain != NULL)
		nl_out_str(&t->m, NFTA_VERDICT_CHAIN, chain);
	nl_out_nest_end(&t->m, nest);
	nl_out_nest_end(&t->m, data);
	expr_end(t, e);
	nft_rule_end(t);
}

/* Any of `bits` is set in the register. */
static void any_bit(struct nft *t, uint32_t bits)
{
	const uint32_t zero = 0;
	struct expr e = expr(t, "bitwise");

	nl_out_be32(&t->m, NFTA_BITWISE_SREG, NFT_REG_1);
	nl_out_be32(&t->m, NFTA_BITWISE_DREG, NFT_REG_1);
	nl_out_be32(&t->m, NFTA_BITWISE_LEN, sizeof(bits));
	value(t, NFTA_BITWISE_MASK, &bits, sizeof(bits));
	value(t, NFTA_BITWISE_XOR, &zero, sizeof(zero));
	expr_end(t, e);
	cmp(t, NFT_CMP_NEQ, &zero, sizeof(zero));
}

/* --- matches --- */

static void match_index(struct nft *t, uint32_t key, int index)
{
	const uint32_t number = (uint32_t)index;

	meta(t, key);
	cmp(t, NFT_CMP_EQ, &number, sizeof(number));
}

void nft_match_iif(struct nft *t, int index)
{
	match_index(t, NFT_META_IIF, index);
}

void nft_match_oif(struct nft *t, int index)
{
	match_index(t, NFT_META_OIF, index);
}

static void match_name(struct nft *t, uint32_t key, uint32_t op, const char *name)
{
	char padded[IFNAMSIZ] = "";

	strncpy(padded, name, sizeof(padded) - 1);
	meta(t, key);
	cmp(t, op, padded, sizeof(padded));
}

void nft_match_iifname(struct nft *t, const char *name)
{
	match_name(t, NFT_META_IIFNAME, NFT_CMP_EQ, name);
}

void nft_match_not_iifname(struct nft *t, const char *name)
{
	match_name(t, NFT_META_IIFNAME, NFT_CMP_NEQ, name);
}

void nft_match_oifname(struct nft *t, const char *name)
{
	match_name(t, NFT_META_OIFNAME, NFT_CMP_EQ, name);
}

void nft_match_family(struct nft *t, int family)
{
	const uint8_t number = family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;

	meta(t, NFT_META_NFPROTO);
	cmp(t, NFT_CMP_EQ, &number, sizeof(number));
}

void nft_match_protocol(struct nft *t, uint8_t protocol)
{
	meta(t, NFT_META_L4PROTO);
	cmp(t, NFT_CMP_EQ, &protocol, sizeof(protocol));
}

void nft_match_dport(struct nft *t, uint8_t protocol, uint16_t port)
{
	nft_match_dports(t, protocol, port, port);
}

static void match_ports(struct nft *t, uint32_t offset, uint8_t protocol, uint16_t first,
			uint16_t last)
{
	const uint16_t from = htons(first), to = htons(last);

	nft_match_protocol(t, protocol);
	payload(t, NFT_PAYLOAD_TRANSPORT_HEADER, offset, sizeof(from));
	if (first == last) {
		cmp(t, NFT_CMP_EQ, &from, sizeof(from));
		return;
	}
	cmp(t, NFT_CMP_GTE, &from, sizeof(from));
	cmp(t, NFT_CMP_LTE, &to, sizeof(to));
}

void nft_match_dports(struct nft *t, uint8_t protocol, uint16_t first, uint16_t last)
{
	match_ports(t, DPORT, protocol, first, last);
}

void nft_match_sports(struct nft *t, uint8_t protocol, uint16_t first, uint16_t last)
{
	match_ports(t, SPORT, protocol, first, last);
}

static void match_address(struct nft *t, struct address address, uint32_t v4, uint32_t v6)
{
	bool is_v4 = address_is_v4(address);
	const uint8_t *bytes = address.bytes + (is_v4 ? V4_OFFSET : 0);
	uint32_t n = sizeof(address.bytes) - (is_v4 ? V4_OFFSET : 0);

	nft_match_family(t, is_v4 ? AF_INET : AF_INET6);
	payload(t, NFT_PAYLOAD_NETWORK_HEADER, is_v4 ? v4 : v6, n);
	cmp(t, NFT_CMP_EQ, bytes, n);
}

void nft_match_saddr(struct nft *t, struct address address)
{
	match_address(t, address, V4_SADDR, V6_SADDR);
}

void nft_match_daddr(struct nft *t, struct address address)
{
	match_address(t, address, V4_DADDR, V6_DADDR);
}

void nft_match_foreign_saddr(struct nft *t)
{
	const uint32_t local = RTN_LOCAL;
	struct expr e = expr(t, "fib");

	nl_out_be32(&t->m, NFTA_FIB_DREG, NFT_REG_1);
	nl_out_be32(&t->m, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	nl_out_be32(&t->m, NFTA_FIB_FLAGS, NFTA_FIB_F_SADDR);
	expr_end(t, e);
	cmp(t, NFT_CMP_NEQ, &local, sizeof(local));
}

void nft_match_icmp_types(struct nft *t, uint8_t protocol, uint8_t first, uint8_t last)
{
	nft_match_protocol(t, protocol);
	payload(t, NFT_PAYLOAD_TRANSPORT_HEADER, ICMP_TYPE, sizeof(first));
	if (first == last) {
		cmp(t, NFT_CMP_EQ, &first, sizeof(first));
		return;
	}
	cmp(t, NFT_CMP_GTE, &first, sizeof(first));
	cmp(t, NFT_CMP_LTE, &last, sizeof(last));
}

void nft_match_owner(struct nft *t, uint32_t uid)
{
	meta(t, NFT_META_SKUID);
	cmp(t, NFT_CMP_EQ, &uid, sizeof(uid));
}

void nft_match_owned(struct nft *t)
{
	const uint32_t none = UINT32_MAX;

	/* The load itself ends the rule where there is no owner. */
	meta(t, NFT_META_SKUID);
	cmp(t, NFT_CMP_NEQ, &none, sizeof(none));
}

void nft_match_ct_state(struct nft *t, uint32_t bits)
{
	ct(t, NFT_CT_STATE, NFTA_CT_DREG);
	any_bit(t, bits);
}

void nft_match_ct_direction(struct nft *t, uint8_t direction)
{
	ct(t, NFT_CT_DIRECTION, NFTA_CT_DREG);
	cmp(t, NFT_CMP_EQ, &direction, sizeof(direction));
}

void nft_match_ct_dnat(struct nft *t)
{
	ct(t, NFT_CT_STATUS, NFTA_CT_DREG);
	any_bit(t, STATUS_DNAT);
}

void nft_match_ct_mark(struct nft *t, uint32_t mark)
{
	ct(t, NFT_CT_MARK, NFTA_CT_DREG);
	cmp(t, NFT_CMP_EQ, &mark, sizeof(mark));
}

/* --- what becomes of a packet --- */

void nft_ct_mark_set(struct nft *t, uint32_t mark)
{
	immediate(t, &mark, sizeof(mark));
	ct(t, NFT_CT_MARK, NFTA_CT_SREG);
}

void nft_ct_zone_set_original(struct nft *t, uint16_t zone)
{
	const uint8_t direction = NFT_CT_ORIGINAL;

	immediate(t, &zone, sizeof(zone));
	struct expr e = expr(t, "ct");

	nl_out_be32(&t->m, NFTA_CT_KEY, NFT_CT_ZONE);
	nl_out_be32(&t->m, NFTA_CT_SREG, NFT_REG_1);
	nl_out_put(&t->m, NFTA_CT_DIRECTION, &direction, sizeof(direction));
	expr_end(t, e);
}

void nft_limit(struct nft *t, uint64_t per_second, uint32_t burst)
{
	struct expr e = expr(t, "limit");

	nl_out_be64(&t->m, NFTA_LIMIT_RATE, per_second);
	nl_out_be64(&t->m, NFTA_LIMIT_UNIT, 1);
	nl_out_be32(&t->m, NFTA_LIMIT_BURST, burst);
	nl_out_be32(&t->m, NFTA_LIMIT_TYPE, NFT_LIMIT_PKTS);
	expr_end(t, e);
}

void nft_log(struct nft *t, const char *prefix, uint16_t group)
{
	struct expr e = expr(t, "log");

	nl_out_str(&t->m, NFTA_LOG_PREFIX, prefix);
	nl_out_be16(&t->m, NFTA_LOG_GROUP, group);
	expr_end(t, e);
}

void nft_accept(struct nft *t)
{
	verdict(t, NF_ACCEPT, NULL);
}

void nft_drop(struct nft *t)
{
	verdict(t, NF_DROP, NULL);
}

void nft_goto(struct nft *t, const char *chain)
{
	verdict(t, NFT_GOTO, chain);
}

void nft_reset(struct nft *t)
{
	struct expr e = expr(t, "reject");

	nl_out_be32(&t->m, NFTA_REJECT_TYPE, NFT_REJECT_TCP_RST);
	expr_end(t, e);
	nft_rule_end(t);
}

void nft_dnat(struct nft *t, struct address to)
{
	bool is_v4 = address_is_v4(to);

	immediate(t, is_v4 ? to.bytes + V4_OFFSET : to.bytes, is_v4 ? 4 : sizeof(to.bytes));
	struct expr e = expr(t, "nat");
	nl_out_be32(&t->m, NFTA_NAT_TYPE, NFT_NAT_DNAT);
	nl_out_be32(&t->m, NFTA_NAT_FAMILY, is_v4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
	nl_out_be32(&t->m, NFTA_NAT_REG_ADDR_MIN, NFT_REG_1);
	expr_end(t, e);
	nft_rule_end(t);
}

void nft_redirect(struct nft *t, uint16_t first, uint16_t last)
{
	const uint16_t from = htons(first), to = htons(last);

	immediate(t, &from, sizeof(from));
	if (first != last)
		immediate_to(t, NFT_REG_2, &to, sizeof(to));
	struct expr e = expr(t, "redir");
	nl_out_be32(&t->m, NFTA_REDIR_REG_PROTO_MIN, NFT_REG_1);
	if (first != last)
		nl_out_be32(&t->m, NFTA_REDIR_REG_PROTO_MAX, NFT_REG_2);
	nl_out_be32(&t->m, NFTA_REDIR_FLAGS, NF_NAT_RANGE_PROTO_SPECIFIED);
	expr_end(t, e);
	nft_rule_end(t);
}
