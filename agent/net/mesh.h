/* SPDX-License-Identifier: Apache-2.0 */
/* mesh: is there a service mesh in this network namespace? It redirects the same packets as our fence, so
 * that the two together are neither. Known by the names of its chains and tables, in nftables (iptables-nft
 * included) and in the older iptables. */
#ifndef AGENT_NET_MESH_H
#define AGENT_NET_MESH_H

#include "agent/net/nl_chan.h"
#include "lib/err.h"
#include "lib/rd.h"

/* ERR_DENIED names what was found. `filter`: NETLINK_NETFILTER, in the namespace in question. */
int mesh_check(struct nl_chan *filter, struct err *err);

/* The mesh that `name`, of a chain or table, belongs to; NULL for none. */
const char *mesh_of_name(const char *name);

/* The same of any name within the rules of the older iptables, as the kernel hands them out. */
const char *mesh_in_entries(struct slice entries);

#endif
