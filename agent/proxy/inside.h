/* SPDX-License-Identifier: Apache-2.0 */
/* inside: the sockets that the worker serves inside the workload's network namespace, where the packet filter
 * brings all its TCP and all its DNS (agent/net/nft_rules.h). There alone the kernel knows where a
 * connection was going, and there they are on loopback: nothing outside of the namespace reaches them. */
#ifndef AGENT_PROXY_INSIDE_H
#define AGENT_PROXY_INSIDE_H

#include "lib/err.h"

enum {
	INSIDE_TCP_PORT = 15001, /* and those behind it */
	/* A source port that is in use to more destinations than this at a time is not to be expected. */
	INSIDE_TCP_PORTS = 8,
	INSIDE_DNS_PORT = 15053,
	INSIDE_FAMILIES = 2, /* IPv4, IPv6 */
	INSIDE_TCP_FDS = INSIDE_FAMILIES * INSIDE_TCP_PORTS,
	INSIDE_FDS = INSIDE_TCP_FDS + INSIDE_FAMILIES * 2,
};

/* -1: none. Non-blocking, close-on-exec. */
struct inside {
	int tcp[INSIDE_TCP_FDS]; /* listening, as dns_tcp */
	int dns_udp[INSIDE_FAMILIES];
	int dns_tcp[INSIDE_FAMILIES];
};

#define INSIDE_NONE                                                                             \
	{                                                                                       \
		.tcp = { [0 ... INSIDE_TCP_FDS - 1] = -1 }, .dns_udp = { -1, -1 }, .dns_tcp = { \
			-1,                                                                     \
			-1                                                                      \
		}                                                                               \
	}

/* Opens them in the caller's network namespace; IPv6 where the kernel has it. On failure nothing is open. */
int inside_open(struct inside *out, struct err *err);

/* Accepts INSIDE_NONE. */
void inside_close(struct inside *inside);

#endif
