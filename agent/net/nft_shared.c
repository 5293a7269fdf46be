/* SPDX-License-Identifier: Apache-2.0 */
/* One namespace for the workload's containers and the proxy. What goes over loopback stays among them,
 * but for the proxy's own ports: who calls a redirecting listener by its address has named no destination,
 * and who answers there without being the proxy is not heard. */
#include <netinet/icmp6.h>
#include <netinet/in.h>

#include "agent/net/nft_parts.h"
#include "lib/cleanup.h"

/* Opens the proxy's sockets where it may look at other processes; no workload runs as it. */
enum { PARENT_UID = 0 };

/* Of the namespace's own, where nobody else uses any. */
enum { PROXY_ZONE = 1 };

static void redirect_chain(struct nft *t, const struct nft_fence *fence)
{
	nft_nat_chain(t, "redirect", NFT_OUTPUT);
	nft_rule(t, "redirect");
	nft_match_oif(t, NFT_PART_LOOPBACK);
	nft_accept(t);
	nft_rule(t, "redirect");
	nft_match_owner(t, fence->proxy_uid);
	nft_accept(t);
	nft_part_redirect(t, fence);
}

/* The kernel knows a connection by its addresses and ports, and here all have the pod's address: one of the workload's
 * that was redirected would take along what the proxy sends from the same port to the same place later. TCP begins
 * anew on such a port by itself; and what is left of it once its socket is closed is nobody's any more. */
static void apart_chain(struct nft *t, const struct nft_fence *fence)
{
	nft_raw_chain(t, "apart", NFT_OUTPUT);
	nft_rule(t, "apart");
	nft_match_oif(t, NFT_PART_LOOPBACK);
	nft_accept(t);
	nft_rule(t, "apart");
	nft_match_protocol(t, IPPROTO_UDP);
	nft_match_owner(t, fence->proxy_uid);
	nft_ct_zone_set_original(t, PROXY_ZONE);
	nft_rule_end(t);
}

/* What comes from the proxy's ports, by whom it may come. */
static void served_chain(struct nft *t, const struct nft_fence *fence)
{
	const uint32_t owners[] = { fence->proxy_uid, PARENT_UID };

	nft_plain_chain(t, "served");
	for (size_t i = 0; i < ARRAY_LEN(owners); i++) {
		nft_rule(t, "served");
		nft_match_owner(t, owners[i]);
		nft_accept(t);
	}
	nft_rule(t, "served");
	nft_match_owned(t);
	nft_goto(t, "refuse");
	/* The rest of a connection that was closed. */
	nft_rule(t, "served");
	nft_accept(t);
}

static void refuse_calls(struct nft *t, const struct nft_part_ports *ports)
{
	nft_rule(t, "output");
	nft_match_oif(t, NFT_PART_LOOPBACK);
	nft_match_ct_direction(t, NFT_CT_ORIGINAL);
	nft_match_dports(t, ports->protocol, ports->first, ports->last);
	nft_goto(t, "refuse");
}

static void check_answers(struct nft *t, const struct nft_part_ports *ports)
{
	nft_rule(t, "output");
	nft_match_oif(t, NFT_PART_LOOPBACK);
	nft_match_ct_direction(t, NFT_CT_REPLY);
	nft_match_sports(t, ports->protocol, ports->first, ports->last);
	nft_goto(t, "served");
}

static void proxy_ports(struct nft *t, const struct nft_fence *fence)
{
	const struct nft_part_ports explicit = { IPPROTO_TCP, fence->proxy_port,
						 fence->proxy_port };
	struct nft_part_ports listeners[NFT_PART_LISTENERS_MAX];
	size_t n = nft_part_listeners(fence, listeners);

	for (size_t i = 0; i < n; i++) {
		nft_part_accept_redirected(t, &listeners[i]);
		refuse_calls(t, &listeners[i]);
		check_answers(t, &listeners[i]);
	}
	for (size_t i = 0; i < fence->n_own; i++) {
		const struct nft_part_ports own = { IPPROTO_TCP, fence->own[i], fence->own[i] };

		refuse_calls(t, &own);
	}
	check_answers(t, &explicit);
}

/* No reports of IPv6 multicast groups: a program chooses which it joins, and so what they say. */
static void output_chain(struct nft *t, const struct nft_fence *fence)
{
	nft_filter_chain(t, "output", NFT_OUTPUT);
	/* Over IPv6 anybody may send from any address: a nameserver's, to the proxy that has asked it. */
	nft_rule(t, "output");
	nft_match_oif(t, NFT_PART_LOOPBACK);
	nft_match_foreign_saddr(t);
	nft_goto(t, "refuse");
	proxy_ports(t, fence);
	nft_part_accept_loopback_out(t);
	nft_part_drop_invalid(t, "output");
	nft_part_accept_proxy_sends(t, fence);
	nft_part_accept_replies(t, "output");
	nft_part_refuse_owned(t);
	nft_part_accept_marked(t, "output", NFT_RULES_MARK_PROXY);
	nft_part_accept_icmp6(t, "output", ND_ROUTER_SOLICIT, ND_NEIGHBOR_ADVERT);
}

static void let_in_protocol(struct nft *t, uint8_t protocol)
{
	nft_rule(t, "input");
	nft_match_protocol(t, protocol);
	nft_match_ct_direction(t, NFT_CT_ORIGINAL);
	nft_part_let_in(t);
}

static void input_chain(struct nft *t)
{
	nft_filter_chain(t, "input", NFT_INPUT);
	nft_part_accept_loopback_in(t);
	nft_part_drop_invalid(t, "input");
	nft_part_accept_marked(t, "input", NFT_RULES_MARK_PROXY);
	nft_part_accept_marked(t, "input", NFT_RULES_MARK_INBOUND);
	nft_part_accept_icmp6(t, "input", NFT_PART_MLD_QUERY, ND_NEIGHBOR_ADVERT);
	nft_part_accept_echo(t);
	let_in_protocol(t, IPPROTO_TCP);
	let_in_protocol(t, IPPROTO_UDP);
}

void nft_rules_shared(struct nft *t, const struct nft_fence *fence)
{
	nft_part_refuse_chain(t, NFT_RULES_WORKLOAD);
	served_chain(t, fence);
	apart_chain(t, fence);
	redirect_chain(t, fence);
	output_chain(t, fence);
	input_chain(t);
	nft_filter_chain(t, "forward", NFT_FORWARD);
}
