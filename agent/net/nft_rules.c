/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/net/nft_rules.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>

#include "agent/net/link.h"
#include "agent/net/nft_parts.h"

enum { MLD_FIRST = 131, MLD_LAST = 132, MLD2_REPORT = 143 };

/* --- inside --- */

static void leave_proxy_alone(struct nft *t, struct address proxy, uint16_t port)
{
	nft_rule(t, "redirect");
	nft_match_daddr(t, proxy);
	nft_match_dport(t, IPPROTO_TCP, port);
	nft_accept(t);
}

/* A nat chain sees the first packet of a connection only; what it decides holds for the rest. */
static void redirect_chain(struct nft *t, const struct nft_fence *fence)
{
	nft_nat_chain(t, "redirect", NFT_OUTPUT);
	nft_rule(t, "redirect");
	nft_match_oif(t, NFT_PART_LOOPBACK);
	nft_accept(t);
	leave_proxy_alone(t, fence->v4.pod, fence->proxy_port);
	if (fence->has_v6)
		leave_proxy_alone(t, fence->v6.pod, fence->proxy_port);
	nft_part_redirect(t, fence);
}

static void accept_proxy(struct nft *t, const struct subnet *net, uint16_t port)
{
	nft_rule(t, "output");
	nft_match_saddr(t, net->inner);
	nft_match_daddr(t, net->pod);
	nft_match_dport(t, IPPROTO_TCP, port);
	nft_ct_mark_set(t, NFT_RULES_MARK_PROXY);
	nft_accept(t);
}

/* Who calls such a listener by its address has named no destination. */
static void refuse_unredirected(struct nft *t, const struct nft_part_ports *ports)
{
	nft_rule(t, "output");
	nft_match_ct_direction(t, NFT_CT_ORIGINAL);
	nft_match_dports(t, ports->protocol, ports->first, ports->last);
	nft_goto(t, "refuse");
}

static void inner_output(struct nft *t, const struct nft_fence *fence)
{
	struct nft_part_ports listeners[NFT_PART_LISTENERS_MAX];
	size_t n = nft_part_listeners(fence, listeners);

	nft_filter_chain(t, "output", NFT_OUTPUT);
	for (size_t i = 0; i < n; i++) {
		nft_part_accept_redirected(t, &listeners[i]);
		refuse_unredirected(t, &listeners[i]);
	}
	nft_part_accept_loopback_out(t);
	nft_part_drop_invalid(t, "output");
	accept_proxy(t, &fence->v4, fence->proxy_port);
	if (fence->has_v6)
		accept_proxy(t, &fence->v6, fence->proxy_port);
	nft_part_accept_replies(t, "output");
	nft_part_refuse_owned(t);
}

static void inner_input(struct nft *t, const struct nft_fence *fence)
{
	nft_filter_chain(t, "input", NFT_INPUT);
	nft_part_accept_loopback_in(t);
	nft_part_drop_invalid(t, "input");
	nft_part_accept_marked(t, "input", NFT_RULES_MARK_PROXY);
	nft_part_accept_marked(t, "input", NFT_RULES_MARK_INBOUND);
	for (size_t i = 0; i < fence->n_inbound; i++) {
		nft_rule(t, "input");
		nft_match_dport(t, fence->inbound[i].protocol, fence->inbound[i].port);
		nft_part_let_in(t);
	}
}

void nft_rules_inner(struct nft *t, const struct nft_fence *fence)
{
	nft_part_refuse_chain(t, NFT_RULES_WORKLOAD);
	if (fence->transparent_port != 0 || fence->dns_port != 0)
		redirect_chain(t, fence);
	inner_output(t, fence);
	inner_input(t, fence);
	nft_filter_chain(t, "forward", NFT_FORWARD);
}

/* --- in the pod --- */

/* A process's packet is of a connection that the proxy made, or an answer to one who connected. A packet without a process is
 * the rest of a closed connection of the proxy's, or the kernel looking for its IPv6 neighbours. */
static void pod_output(struct nft *t, const struct nft_fence *fence)
{
	nft_filter_chain(t, "output", NFT_OUTPUT);
	nft_part_accept_loopback_out(t);
	nft_part_drop_invalid(t, "output");
	nft_part_accept_proxy_sends(t, fence);
	nft_part_accept_replies(t, "output");
	nft_part_refuse_owned(t);
	nft_part_accept_marked(t, "output", NFT_RULES_MARK_PROXY);
	/* The pod's own word to either end of an inbound connection that a packet is too big. */
	nft_rule(t, "output");
	nft_match_ct_dnat(t);
	nft_match_ct_state(t, NFT_CT_RELATED);
	nft_accept(t);
	nft_part_accept_icmp6(t, "output", ND_ROUTER_SOLICIT, ND_NEIGHBOR_ADVERT);
	nft_part_accept_icmp6(t, "output", MLD_FIRST, MLD_LAST);
	nft_part_accept_icmp6(t, "output", MLD2_REPORT, MLD2_REPORT);
}

static void accept_own_port(struct nft *t, uint16_t port)
{
	nft_rule(t, "input");
	nft_match_dport(t, IPPROTO_TCP, port);
	nft_part_let_in(t);
}

/* Listeners in the pod pass these connections on to the workload. */
static void accept_spliced(struct nft *t, const struct nft_fence *fence, int family)
{
	for (size_t i = 0; i < fence->n_inbound; i++) {
		if (fence->inbound[i].protocol != IPPROTO_TCP)
			continue;
		nft_rule(t, "input");
		nft_match_family(t, family);
		nft_match_dport(t, IPPROTO_TCP, fence->inbound[i].port);
		nft_part_let_in(t);
	}
}

static void hide_end(struct nft *t, struct address end)
{
	nft_rule(t, "input");
	nft_match_daddr(t, end);
	nft_drop(t);
}

/* The source too: who sends from an address that is not its own (over IPv6 any program may) would be
 * answered there, outside. */
static void link_accepts_proxy(struct nft *t, const struct subnet *net, uint16_t port)
{
	nft_rule(t, "link");
	nft_match_saddr(t, net->inner);
	nft_match_daddr(t, net->pod);
	nft_match_dport(t, IPPROTO_TCP, port);
	nft_part_let_in(t);
}

/* What comes from the workload's end of the link, to the pod itself. */
static void link_chain(struct nft *t, const struct nft_fence *fence)
{
	nft_plain_chain(t, "link");
	link_accepts_proxy(t, &fence->v4, fence->proxy_port);
	if (fence->has_v6)
		link_accepts_proxy(t, &fence->v6, fence->proxy_port);
	nft_rule(t, "link");
	nft_match_ct_mark(t, NFT_RULES_MARK_PROXY);
	nft_match_ct_direction(t, NFT_CT_REPLY);
	nft_match_ct_state(t, NFT_PART_GOING_ON);
	nft_accept(t);
	nft_rule(t, "link");
	nft_part_report(t, NFT_RULES_LINK);
	nft_rule(t, "link");
	nft_drop(t);
}

static void pod_input(struct nft *t, const struct nft_fence *fence)
{
	nft_filter_chain(t, "input", NFT_INPUT);
	nft_part_accept_loopback_in(t);
	nft_part_drop_invalid(t, "input");
	nft_rule(t, "input");
	nft_match_iifname(t, LINK_POD_NAME);
	nft_goto(t, "link");
	/* A host answers to all its addresses on every device, unless told otherwise. */
	hide_end(t, fence->v4.pod);
	if (fence->has_v6)
		hide_end(t, fence->v6.pod);
	nft_part_accept_marked(t, "input", NFT_RULES_MARK_PROXY);
	nft_part_accept_marked(t, "input", NFT_RULES_MARK_INBOUND);
	nft_part_accept_icmp6(t, "input", NFT_PART_MLD_QUERY, ND_NEIGHBOR_ADVERT);
	nft_part_accept_echo(t);
	for (size_t i = 0; i < fence->n_own; i++)
		accept_own_port(t, fence->own[i]);
	if (!fence->dnat_v4)
		accept_spliced(t, fence, AF_INET);
	if (!fence->dnat_v6)
		accept_spliced(t, fence, AF_INET6);
	/* A port that nobody serves answers as it would without us; the mark lets the answer out. */
	nft_rule(t, "input");
	nft_match_protocol(t, IPPROTO_TCP);
	nft_ct_mark_set(t, NFT_RULES_MARK_INBOUND);
	nft_reset(t);
}

static void rewrite_ports(struct nft *t, const struct nft_fence *fence, struct address to)
{
	for (size_t i = 0; i < fence->n_inbound; i++) {
		nft_rule(t, "inbound");
		nft_match_not_iifname(t, LINK_POD_NAME);
		nft_match_family(t, address_is_v4(to) ? AF_INET : AF_INET6);
		nft_match_dport(t, fence->inbound[i].protocol, fence->inbound[i].port);
		nft_dnat(t, to);
	}
}

static void forward_rewritten(struct nft *t, const struct nft_fence *fence)
{
	for (size_t i = 0; i < fence->n_inbound; i++) {
		nft_rule(t, "forward");
		nft_match_oifname(t, LINK_POD_NAME);
		nft_match_not_iifname(t, LINK_POD_NAME);
		nft_match_ct_dnat(t);
		nft_match_ct_direction(t, NFT_CT_ORIGINAL);
		nft_match_dport(t, fence->inbound[i].protocol, fence->inbound[i].port);
		nft_accept(t);
	}
	/* Errors about packets that went out in answer, above all that they are too big. */
	nft_rule(t, "forward");
	nft_match_oifname(t, LINK_POD_NAME);
	nft_match_ct_dnat(t);
	nft_match_ct_state(t, NFT_CT_RELATED);
	nft_accept(t);
	nft_rule(t, "forward");
	nft_match_iifname(t, LINK_POD_NAME);
	nft_match_ct_dnat(t);
	nft_match_ct_direction(t, NFT_CT_REPLY);
	nft_match_ct_state(t, NFT_PART_GOING_ON);
	nft_accept(t);
}

static void pod_forward(struct nft *t, const struct nft_fence *fence)
{
	nft_filter_chain(t, "forward", NFT_FORWARD);
	nft_part_drop_invalid(t, "forward");
	if (fence->n_inbound > 0 && (fence->dnat_v4 || fence->dnat_v6))
		forward_rewritten(t, fence);
	nft_rule(t, "forward");
	nft_match_iifname(t, LINK_POD_NAME);
	nft_part_report(t, NFT_RULES_LINK);
}

void nft_rules_pod(struct nft *t, const struct nft_fence *fence)
{
	nft_part_refuse_chain(t, NFT_RULES_POD);
	link_chain(t, fence);
	if (fence->n_inbound > 0 && (fence->dnat_v4 || fence->dnat_v6)) {
		nft_nat_chain(t, "inbound", NFT_PREROUTING);
		nft_rule(t, "inbound");
		nft_match_iif(t, NFT_PART_LOOPBACK);
		nft_accept(t);
		if (fence->dnat_v4)
			rewrite_ports(t, fence, fence->v4.inner);
		if (fence->dnat_v6)
			rewrite_ports(t, fence, fence->v6.inner);
	}
	pod_output(t, fence);
	pod_input(t, fence);
	pod_forward(t, fence);
}
