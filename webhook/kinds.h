/* SPDX-License-Identifier: Apache-2.0 */
/* kinds: the objects of Kubernetes that are pods or make some, and where each keeps what its pods are made of. */
#ifndef WEBHOOK_KINDS_H
#define WEBHOOK_KINDS_H

#include "lib/json.h"

struct kind;

/* By the object's own apiVersion and kind; NULL for all others. */
const struct kind *kind_of_object(const json_t *object);

/* By the API's group and resource, "apps" and "deployments"; NULL for all others. */
const struct kind *kind_of_resource(const char *group, const char *resource);

/* What the pods of `object` are made of, the object itself for a pod; NULL where it is missing. Borrows. */
json_t *kind_template(const struct kind *kind, json_t *object);

#endif
