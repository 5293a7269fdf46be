/* SPDX-License-Identifier: Apache-2.0 */
/* other_policy: policies of other kinds than Kubernetes' own, which may let through what NetworkPolicies close: those of
 * the Network Policy API, which come before them, of Cilium and of Calico. Pure. Objects may be of any shape; what cannot
 * be made out counts as open. */
#ifndef WEBHOOK_OTHER_POLICY_H
#define WEBHOOK_OTHER_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/json.h"
#include "webhook/namespaces.h"

struct other_policy {
	const char *kind;
	const char *group, *else_group; /* the second where the first is not there; NULL: none */
	const char *plural;
	/* Whether one of them lets something out of agent pods of the namespace, or into them. */
	bool (*opens)(const json_t *policy, const struct namespace_facts *ns);
	const char *next; /* what to do about one that does */
	bool is_namespaced;
	bool is_certain; /* that it does follows from the object alone; else it only may */
};

enum { OTHER_POLICIES = 6 };

extern const struct other_policy other_policies[OTHER_POLICIES];

#endif
