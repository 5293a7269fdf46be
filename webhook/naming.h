/* SPDX-License-Identifier: Apache-2.0 */
/* naming: how a pod tells the proxy that runs in it where names lead. Pure. */
#ifndef WEBHOOK_NAMING_H
#define WEBHOOK_NAMING_H

#include "lib/json.h"
#include "webhook/findings.h"

/* Where the policy is not the pod's author's to choose, so is what the names in it mean: refuses hostAliases,
 * nameservers and search lists of the pod's own, and files in the place of those that hold them. */
void naming_refuse(const json_t *spec, struct findings *findings);

#endif
