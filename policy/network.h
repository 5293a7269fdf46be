/* SPDX-License-Identifier: Apache-2.0 */
/* network: the compiled network_policies. */
#ifndef POLICY_NETWORK_H
#define POLICY_NETWORK_H

#include "policy/host_index.h"
#include "policy/model.h"

struct policy_network {
	struct arena arena; /* of the whole policy */
	struct model model;
	/* Every endpoint, ascending by policy name, then by its place in the policy. */
	const struct net_endpoint **endpoints;
	size_t n_endpoints;
	struct host_index index;
};

/* Indexes `model`. Reports what the index shows: endpoints that contradict each other. */
void network_compile(struct policy_network *network, const struct report *report, struct mark at);

/* Endpoints that overlap must agree on what a connection or request has only once. */
void validate_ambiguity(const struct policy_network *network, const struct report *report,
			struct mark at);

#endif
