/* SPDX-License-Identifier: Apache-2.0 */
/* probe_objects: two pods that try to reach the API server, and a NetworkPolicy, of the form of those that close agent
 * pods, which closes one of them. Their names are fixed: there are never more of them than one set. Pure. */
#ifndef WEBHOOK_PROBE_OBJECTS_H
#define WEBHOOK_PROBE_OBJECTS_H

#include "lib/json.h"
#include "webhook/config.h"

enum probe_object { PROBE_OPEN = 0, PROBE_POLICY, PROBE_CLOSED, PROBE_OBJECTS };

#define PROBE_NAME_OPEN "openshell-probe-open"
#define PROBE_NAME_CLOSED "openshell-probe-closed"
/* On all three: kubectl delete pods,networkpolicies -l openshell-probe. */
#define PROBE_LABEL "openshell-probe"
#define PROBE_CONTAINER "probe"

/* Borrows. */
struct probe_from {
	const struct webhook_config *config;
	const char *namespace_name; /* of the release */
	const json_t *pull_secrets; /* of the webhook's own pods, or NULL */
	const char *node; /* of PROBE_CLOSED, so that both ask from one place; NULL: any */
};

/* The caller drops it. */
json_t *probe_objects_make(const struct probe_from *from, enum probe_object which);

/* "/api/v1/namespaces/NAME/pods", escaped. */
void probe_objects_folder(const char *namespace_name, enum probe_object which, struct buf *out);
const char *probe_objects_name(enum probe_object which);

#endif
