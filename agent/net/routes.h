/* SPDX-License-Identifier: Apache-2.0 */
/* routes: what a network namespace holds: its devices, and the addresses and routes that are in use. */
#ifndef AGENT_NET_ROUTES_H
#define AGENT_NET_ROUTES_H

#include <net/if.h>

#include "agent/net/nl_chan.h"
#include "policy/cidr.h"

enum { ROUTES_DEVICES_MAX = 32 };

struct routes_device {
	int index;
	char name[IFNAMSIZ];
	uint32_t mtu;
	bool is_loopback;
	bool has_v4, has_v6; /* an address that others can reach it by */
};

struct routes {
	struct routes_device devices[ROUTES_DEVICES_MAX];
	size_t n_devices;
	struct cidr *taken; /* owned */
	size_t n_taken, cap;
};

/* Reads the namespace that `chan` (NETLINK_ROUTE) is in. ERR_LIMIT where it holds more than a pod's
 * namespace ever does. */
int routes_read(struct nl_chan *chan, struct routes *out, struct err *err);
void routes_done(struct routes *routes);

/* One message of an answer: a device, an address or a route; others are passed over. */
int routes_take(struct routes *routes, const struct nl_in *message, struct err *err);

/* One more block that may not be used. */
int routes_add(struct routes *routes, struct cidr block, struct err *err);

const struct routes_device *routes_find(const struct routes *routes, const char *name);

#endif
