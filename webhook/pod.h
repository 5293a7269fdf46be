/* SPDX-License-Identifier: Apache-2.0 */
/* pod: the shape of a pod, checked once, and short ways to its parts. */
#ifndef WEBHOOK_POD_H
#define WEBHOOK_POD_H

#include <stdbool.h>

#include "lib/err.h"
#include "lib/json.h"

enum {
	/* Beyond what any node runs; keeps comparisons of each with each affordable. */
	POD_LIST_MAX = 512,
};

/* ERR_INVALID: a field that we read has the wrong type, there is no container, a name is missing.
 * ERR_LIMIT: a list is longer than POD_LIST_MAX. */
int pod_check(json_t *pod, struct err *err);

/* For pods that passed pod_check(). Names are never NULL there. */
const char *pod_name_of(const json_t *named);

/* The element of that name, of a list that need not have passed; NULL for none. */
const json_t *pod_find_named(const json_t *list, const char *name);

/* Whether a container or init container has that name. */
bool pod_has_container(const json_t *spec, const char *name);

/* Whether a container or volume of that name can only be ours. */
bool pod_name_is_ours(const char *name);

/* Whether a pod that exists is sandboxed: told by containers of ours, which neither come nor go later. */
bool pod_is_sandboxed(const json_t *pod);

/* The ownerReference of what made the pod, and would make it again; NULL for none. */
const json_t *pod_controller(const json_t *pod);

#endif
