/* SPDX-License-Identifier: Apache-2.0 */
/* link: the veth pair between the pod's namespace and the workload's own, its addresses and routes.
 * Neighbours are fixed on both ends, so neither ARP nor neighbour discovery crosses it, and there are
 * no link-local addresses. */
#ifndef AGENT_NET_LINK_H
#define AGENT_NET_LINK_H

#include "agent/net/nl_chan.h"
#include "agent/net/subnet.h"

#define LINK_POD_NAME "openshell0"
#define LINK_INNER_NAME "eth0"

struct link_plan {
	struct nl_chan *pod, *inner; /* NETLINK_ROUTE, in the two namespaces */
	int inner_netns;
	uint32_t mtu;
	struct subnet v4, v6;
	bool has_v6;
};

/* Removes what an earlier run left. A device of this name that is no veth is somebody else's:
 * ERR_DENIED. */
int link_remove(struct nl_chan *pod, struct err *err);

/* Creates both ends, gives them their addresses, brings them up and makes the pod's end the way out of
 * the inner namespace. Where the pod's namespace refuses IPv6 on the new device, `plan->has_v6`
 * becomes false and the link has IPv4 alone. */
int link_create(struct link_plan *plan, struct err *err);

/* Lets IPv4 packets that come in by the device go on to another one; reads back whether it took. */
int link_forward_v4(struct nl_chan *chan, const char *name, struct err *err);

/* Whether the namespace forwards IPv6. There is no message that turns it on. */
int link_forwards_v6(struct nl_chan *chan, bool *out, struct err *err);

#endif
