/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/nft_packets.h"

#include <check.h>
#include <string.h>

#include "lib/cleanup.h"

const char outside[] = "8.8.8.8", outside6[] = "2001:db8::8", pod[] = "10.9.0.2",
	   pod6[] = "fd00::2", end[] = "10.200.0.1", inner[] = "10.200.0.2", end6[] = "fd6f::1",
	   inner6[] = "fd6f::2", local[] = "127.0.0.1";

struct address packet_address(const char *text)
{
	struct address a = { 0 };

	ck_assert_msg(address_parse(slice_text(text), &a), "%s", text);
	return a;
}

static const struct fence_port inbound[] = { { 8080, TCP }, { 5353, UDP } };
static const uint16_t own[] = { 15090 };

struct nft_fence fence_of_all(void)
{
	return (struct nft_fence){
		.v4 = { packet_address(end), packet_address(inner), 30 },
		.v6 = { packet_address(end6), packet_address(inner6), 126 },
		.has_v6 = true,
		.proxy_uid = PROXY,
		.proxy_port = 3128,
		.inbound = inbound,
		.n_inbound = ARRAY_LEN(inbound),
		.dnat_v4 = true,
		.own = own,
		.n_own = ARRAY_LEN(own),
		.transparent_port = 15001,
		.transparent_ports = 8,
		.dns_port = 15053,
	};
}

void packet_judge(void (*rules)(struct nft *t, const struct nft_fence *fence),
		  const struct nft_fence *fence, const struct packet_case *c)
{
	AUTO(nft_done) struct nft t = nft_begin(NFT_RULES_TABLE);
	uint32_t last_seq;
	struct err err = { 0 };
	const struct nft_packet packet = {
		.iif = c->iif,
		.oif = c->oif,
		.family = strchr(c->dst, ':') != NULL ? AF_INET6 : AF_INET,
		.src = packet_address(c->src),
		.dst = packet_address(c->dst),
		.is_foreign = c->foreign,
		.protocol = c->protocol,
		.sport = c->sport,
		.dport = c->dport,
		.icmp_type = (uint8_t)c->dport,
		.uid = c->uid,
		.ct_state = c->state,
		.ct_direction = c->direction,
		.ct_dnat = c->dnat,
		.ct_mark = c->mark,
	};

	rules(&t, fence);
	ck_assert_msg(nft_end(&t, &last_seq, &err) == 0, "%s", err.msg);
	struct nft_outcome got = nft_eval(buf_slice(&t.out), c->chain, &packet);
	ck_assert_msg(got.fate == c->want, "%s: %s -> %s protocol %u port %u: fate %d", c->chain,
		      c->src, c->dst, c->protocol, c->dport, (int)got.fate);
	ck_assert_str_eq(got.logged, c->want_log != NULL ? c->want_log : "");
	if (c->want_mark != 0)
		ck_assert_uint_eq(got.ct_mark, c->want_mark);
	ck_assert_uint_eq(got.zone, c->want_zone);
}
