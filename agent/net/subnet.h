/* SPDX-License-Identifier: Apache-2.0 */
/* subnet: picks the addresses of the link between the pod and the workload's own namespace, so that
 * they hide nothing that the pod can reach by a route it knows. Pure. */
#ifndef AGENT_NET_SUBNET_H
#define AGENT_NET_SUBNET_H

#include <stddef.h>

#include "lib/err.h"
#include "policy/cidr.h"

/* The two ends of a point-to-point link. */
struct subnet {
	struct address pod, inner;
	unsigned prefix; /* counted as the family does: 30 or 126 */
};

bool subnet_overlaps(const struct cidr *a, const struct cidr *b);

/* The network of `host` as far as one address tells it: a service or a nameserver that is known by its
 * address alone has neighbours, which are reached by the default route. */
struct cidr subnet_around(struct address host);

/* The first candidate of the family (AF_INET, AF_INET6) that shares no address with `taken`.
 * ERR_LIMIT where all are taken. */
int subnet_choose(int family, const struct cidr_list *taken, struct subnet *out, struct err *err);

/* "10.200.0.1", "fd6f:7065:6e73:1::1"; `out` has room for INET6_ADDRSTRLEN. */
const char *subnet_text(struct address address, char *out);

#endif
