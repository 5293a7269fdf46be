/* SPDX-License-Identifier: Apache-2.0 */
/* pair_policy: NetworkPolicies of others, beside those that close the agent pods of topology proxy-pod. Policies only
 * ever add up: what one of them opens, none of ours can close. Pure. */
#ifndef WEBHOOK_PAIR_POLICY_H
#define WEBHOOK_PAIR_POLICY_H

#include <stdbool.h>

#include "lib/json.h"

/* What makes a policy leave agent pods alone. */
#define PAIR_POLICY_EXPRESSION "{key: openshell.io/sandbox-role, operator: NotIn, values: [agent]}"

/* Whether a NetworkPolicy lets something out of an agent pod, or into it: it has a rule, whatever of, and its selector
 * does not rule out pods with role `agent`. Such a pod may have any other label. What it cannot make out it takes for
 * open. */
bool pair_policy_opens(const json_t *policy);

/* Of a LabelSelector over pods: whether it does not rule out pods with role `agent`. */
bool pair_policy_may_select(const json_t *selector);

/* Whether it is called like one that the controller keeps, and is for the pods that such a one is for. */
bool pair_policy_is_ours(const json_t *policy);

#endif
