/* SPDX-License-Identifier: Apache-2.0 */
/* check_enforcement: whether the cluster enforces NetworkPolicies, by what pods found: agent pods that were there
 * anyway, and two that were made to find out. Pure. Objects may be of any shape. */
#ifndef WEBHOOK_CHECK_ENFORCEMENT_H
#define WEBHOOK_CHECK_ENFORCEMENT_H

#include "lib/json.h"
#include "webhook/check_report.h"

/* What a container that runs `fence-check` found. */
enum check_fence { CHECK_FENCE_UNKNOWN = 0, CHECK_FENCE_CLOSED, CHECK_FENCE_OPEN };

/* By the pod's status: of its container `name`, an init container or not, as it ended last. */
enum check_fence check_fence_of(const json_t *pod, const char *name);

enum { CHECK_WHERE_MAX = 512 };

/* Of agent pods; zeroed before the first. */
struct check_agents {
	size_t closed, open;
	/* The latest of either, as "NAMESPACE/POD on node NODE, at TIME", and its time. */
	char last_closed[CHECK_WHERE_MAX], last_open[CHECK_WHERE_MAX];
	char closed_at[32], open_at[32];
};

void check_agents_take(struct check_agents *agents, const json_t *pod);
void check_agents_report(const struct check_agents *agents, struct check_report *report);

/* What the two pods of a probe found; UNKNOWN: nothing, for the reason `why`. */
struct check_probe {
	enum check_fence without_policy, with_policy;
	const char *node; /* of both */
	const char *why;
};

void check_probe_report(const struct check_probe *probe, struct check_report *report);

#endif
