/* SPDX-License-Identifier: Apache-2.0 */
/* destination: may a connection that the policy allows go to the addresses that its host has? Pure.
 *
 * A name is a promise of whoever runs its DNS. So what it resolves to is judged before it is dialled,
 * all of it, and what was judged is what is dialled: nothing is resolved twice. Loopback, link-local,
 * multicast and reserved addresses are nobody's to allow; private ones take a policy that means them.
 * So does the node: its addresses are private ones like any other, but for its control ports. */
#ifndef AGENT_PROXY_DESTINATION_H
#define AGENT_PROXY_DESTINATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/rd.h"
#include "policy/address_class.h"

enum {
	/* One name's addresses in both families; more are a mistake or an attack, and are refused. */
	DESTINATION_ADDRESSES_MAX = 32,
	/* Addresses of the pod itself: host network is refused, so these are few. */
	DESTINATION_OWN_MAX = 16,
};

/* Which rule admits addresses; the first that applies, in this order. */
enum destination_mode {
	DESTINATION_LISTED, /* the policy lists them: allowed_ips */
	DESTINATION_LITERAL, /* the request names an address and the policy allows that host */
	DESTINATION_DECLARED, /* the policy names this host exactly: private addresses are meant */
	DESTINATION_OPEN, /* a wildcard: public addresses only */
};

enum destination_verdict {
	DESTINATION_DENY_BLOCKED = 0,
	DESTINATION_DENY_INTERNAL,
	DESTINATION_DENY_UNLISTED, /* not in allowed_ips */
	DESTINATION_DENY_OWN, /* the pod itself */
	DESTINATION_DENY_PORT, /* a port of the cluster's control plane */
	DESTINATION_DENY_METADATA, /* the name of a cloud's metadata service */
	DESTINATION_DENY_NONE, /* the host has no address, or too many */
	DESTINATION_ALLOW,
};

/* Borrows everything. */
struct destination_request {
	struct slice host; /* as the policy decided on it */
	uint16_t port;
	const struct cidr_list *allowed_ips; /* of the decision; NULL for none */
	bool exact_host; /* of the decision */
	const struct address *addresses; /* of a literal host, the literal */
	size_t n_addresses;
	bool by_name; /* there is none, as another proxy resolves the name: only what needs none is judged */
	/* The pod's own, on any of its devices: a connection to one reaches what runs beside the
	 * workload in the pod, unseen by network policies. */
	const struct address *own;
	size_t n_own;
};

struct destination_result {
	enum destination_verdict verdict;
	enum destination_mode mode;
	struct address culprit; /* the first address that was refused; zero if none was */
	/* To dial, in order, without doubles; empty unless allowed. */
	struct address addresses[DESTINATION_ADDRESSES_MAX];
	size_t n;
};

/* One address that does not pass refuses the whole. */
void destination_check(const struct destination_request *request, struct destination_result *out);

/* As events and answers say it: "resolves to internal address". */
const char *destination_reason(enum destination_verdict verdict);

/* Is it the name of a metadata service, as a request may write it? */
bool destination_is_metadata_name(struct slice host);

/* 2379 2380 6443 10250 10255. */
bool destination_is_control_port(uint16_t port);

#endif
