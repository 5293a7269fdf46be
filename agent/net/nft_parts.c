/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/net/nft_parts.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

enum {
	DNS = 53,
	/* What is reported is a sample: a program that tries in a loop must not fill the log. */
	REPORTS_PER_SECOND = 10,
	REPORTS_BURST = 20,
};

static uint16_t last_transparent(const struct nft_fence *fence)
{
	uint16_t more = fence->transparent_ports > 0 ? fence->transparent_ports - 1 : 0;

	return fence->transparent_port + more;
}

size_t nft_part_listeners(const struct nft_fence *fence,
			  struct nft_part_ports out[NFT_PART_LISTENERS_MAX])
{
	const uint16_t dns = fence->dns_port;
	size_t n = 0;

	if (fence->transparent_port != 0)
		out[n++] = (struct nft_part_ports){ IPPROTO_TCP, fence->transparent_port,
						    last_transparent(fence) };
	if (dns != 0) {
		out[n++] = (struct nft_part_ports){ IPPROTO_UDP, dns, dns };
		out[n++] = (struct nft_part_ports){ IPPROTO_TCP, dns, dns };
	}
	return n;
}

void nft_part_accept_loopback_out(struct nft *t)
{
	nft_rule(t, "output");
	nft_match_oif(t, NFT_PART_LOOPBACK);
	nft_accept(t);
}

void nft_part_accept_loopback_in(struct nft *t)
{
	nft_rule(t, "input");
	nft_match_iif(t, NFT_PART_LOOPBACK);
	nft_accept(t);
}

void nft_part_drop_invalid(struct nft *t, const char *chain)
{
	nft_rule(t, chain);
	nft_match_ct_state(t, NFT_CT_INVALID);
	nft_drop(t);
}

void nft_part_accept_marked(struct nft *t, const char *chain, uint32_t mark)
{
	nft_rule(t, chain);
	nft_match_ct_mark(t, mark);
	nft_match_ct_state(t, NFT_PART_GOING_ON);
	nft_accept(t);
}

void nft_part_accept_replies(struct nft *t, const char *chain)
{
	nft_rule(t, chain);
	nft_match_ct_mark(t, NFT_RULES_MARK_INBOUND);
	nft_match_ct_direction(t, NFT_CT_REPLY);
	nft_match_ct_state(t, NFT_PART_GOING_ON);
	nft_accept(t);
}

void nft_part_report(struct nft *t, const char *prefix)
{
	nft_limit(t, REPORTS_PER_SECOND, REPORTS_BURST);
	nft_log(t, prefix, NFT_RULES_LOG_GROUP);
	nft_rule_end(t);
}

void nft_part_refuse_chain(struct nft *t, const char *prefix)
{
	nft_plain_chain(t, "refuse");
	nft_rule(t, "refuse");
	nft_part_report(t, prefix);
	nft_rule(t, "refuse");
	nft_match_protocol(t, IPPROTO_TCP);
	nft_reset(t);
	nft_rule(t, "refuse");
	nft_drop(t);
}

void nft_part_let_in(struct nft *t)
{
	nft_ct_mark_set(t, NFT_RULES_MARK_INBOUND);
	nft_accept(t);
}

static void redirect_dns(struct nft *t, uint8_t protocol, uint16_t to)
{
	nft_rule(t, "redirect");
	nft_match_dport(t, protocol, DNS);
	nft_redirect(t, to, to);
}

void nft_part_redirect(struct nft *t, const struct nft_fence *fence)
{
	if (fence->dns_port != 0) {
		redirect_dns(t, IPPROTO_UDP, fence->dns_port);
		redirect_dns(t, IPPROTO_TCP, fence->dns_port);
	}
	if (fence->transparent_port != 0) {
		nft_rule(t, "redirect");
		nft_match_protocol(t, IPPROTO_TCP);
		nft_redirect(t, fence->transparent_port, last_transparent(fence));
	}
}

/* The filter still sees the device that the packet was first meant for, so loopback does not match:
 * the kernel's own word that it has been redirected does. */
void nft_part_accept_redirected(struct nft *t, const struct nft_part_ports *ports)
{
	nft_rule(t, "output");
	nft_match_ct_dnat(t);
	nft_match_ct_direction(t, NFT_CT_ORIGINAL);
	nft_match_dports(t, ports->protocol, ports->first, ports->last);
	nft_accept(t);
}

void nft_part_accept_proxy_sends(struct nft *t, const struct nft_fence *fence)
{
	nft_rule(t, "output");
	nft_match_owner(t, fence->proxy_uid);
	nft_match_ct_direction(t, NFT_CT_ORIGINAL);
	nft_ct_mark_set(t, NFT_RULES_MARK_PROXY);
	nft_accept(t);
}

void nft_part_refuse_owned(struct nft *t)
{
	nft_rule(t, "output");
	nft_match_owned(t);
	nft_goto(t, "refuse");
}

void nft_part_accept_echo(struct nft *t)
{
	nft_rule(t, "input");
	nft_match_icmp_types(t, IPPROTO_ICMP, ICMP_ECHO, ICMP_ECHO);
	nft_part_let_in(t);
	nft_rule(t, "input");
	nft_match_icmp_types(t, IPPROTO_ICMPV6, ICMP6_ECHO_REQUEST, ICMP6_ECHO_REQUEST);
	nft_part_let_in(t);
}

void nft_part_accept_icmp6(struct nft *t, const char *chain, uint8_t first, uint8_t last)
{
	nft_rule(t, chain);
	nft_match_icmp_types(t, IPPROTO_ICMPV6, first, last);
	nft_accept(t);
}
