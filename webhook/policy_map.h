/* SPDX-License-Identifier: Apache-2.0 */
/* policy_map: a ConfigMap that says it is a policy, by the label openshell.io/policy: "true". Pure. */
#ifndef WEBHOOK_POLICY_MAP_H
#define WEBHOOK_POLICY_MAP_H

#include <stdbool.h>

#include "lib/json.h"
#include "webhook/findings.h"

/* Refuses a policy that an agent would refuse, each problem with line and column; what is odd is a warning.
 * policy_map_is_same(): neither the policy nor the label differs. ConfigMaps may be of any shape. */
bool policy_map_is_same(const json_t *before, const json_t *after);
void policy_map_check(const json_t *map, struct findings *findings);

#endif
