/* SPDX-License-Identifier: Apache-2.0 */
/* fence: the one way out of the workload's network namespace and the ways into it.
 *
 * fence_build() joins the namespace to the pod's by a link of its own, loads a packet filter on both
 * sides (agent/net/nft_rules.h) before anything can pass, lets the declared ports in, and proves from
 * both sides that nothing else leaves. It works in the caller's network namespace, which is the pod's,
 * and replaces what an earlier run left there. What it leaves behind when it fails is closed. */
#ifndef AGENT_NET_FENCE_H
#define AGENT_NET_FENCE_H

#include "agent/net/nft_rules.h"
#include "agent/net/probe.h"

enum {
	FENCE_OWN_PORTS_MAX = 8,
	FENCE_LISTENERS_MAX = NFT_RULES_PORTS_MAX * 2,
};

struct fence_config {
	int inner_netns; /* from netns_create() */
	uint32_t proxy_uid; /* the one identity that may send; never 0 */
	uint16_t proxy_port; /* TCP, on the pod's end of the link */
	/* Listeners inside for all TCP and DNS, as in struct nft_fence; 0 for none. */
	uint16_t transparent_port, transparent_ports, dns_port;
	struct fence_port inbound[NFT_RULES_PORTS_MAX]; /* what the workload serves */
	size_t n_inbound;
	uint16_t own[FENCE_OWN_PORTS_MAX]; /* TCP, what the agent serves in the pod */
	size_t n_own;
	/* Addresses that must stay reachable though no route of the pod shows them: nameservers, the
	 * API server. Borrowed. */
	const struct address *avoid;
	size_t n_avoid;
};

/* Connections to a port of the workload that the kernel cannot rewrite: to be accepted in the pod and
 * passed on, byte by byte, to `to`:`port`, by the proxy's identity. */
struct fence_listener {
	int fd; /* listening, close-on-exec, non-blocking */
	uint16_t port;
	struct address to;
};

struct fence {
	struct subnet v4, v6; /* the proxy binds `.pod`; the workload is `.inner` */
	bool has_v6;
	bool dnat_v4, dnat_v6; /* inbound goes in by the kernel, with the client's address */
	struct fence_listener listeners[FENCE_LISTENERS_MAX];
	size_t n_listeners;
	/* Ports that IPv6 clients do not reach, as the node lets nobody listen on them: to be warned of. */
	uint16_t closed_v6[NFT_RULES_PORTS_MAX];
	size_t n_closed_v6;
	/* Reports of dropped packets (agent/net/nflog.h): the workload's, and other processes' in the
	 * pod. For the proxy to read. */
	int inner_reports_fd, pod_reports_fd;
	/* To be checked again and again (probe_check), by PID 1: needs no privilege. */
	struct probe inner_probe, pod_probe;
	/* The first port that the workload may bind; above 0 where the node allows no change. */
	long first_port;
};

/* Needs NET_ADMIN and SYS_ADMIN and a single thread. */
int fence_build(const struct fence_config *config, struct fence *out, struct err *err);

/* Closes what `fence` holds. Accepts one that was zeroed by FENCE_INIT. The filter stays in force. */
void fence_done(struct fence *fence);

#define FENCE_INIT                                                                       \
	{                                                                                \
		.inner_reports_fd = -1, .pod_reports_fd = -1, .inner_probe = { -1, -1 }, \
		.pod_probe = { -1, -1 },                                                 \
	}

#endif
