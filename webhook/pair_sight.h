/* SPDX-License-Identifier: Apache-2.0 */
/* pair_sight: what the metadata of an object says about the pair that it is of. Pure; what a tenant may write is not
 * trusted, it only leads to a closer look. */
#ifndef WEBHOOK_PAIR_SIGHT_H
#define WEBHOOK_PAIR_SIGHT_H

#include "webhook/pair_objects.h"

/* Borrows from the metadata. */
struct pair_sight {
	const char *namespace_name;
	const char *uid; /* of the agent pod; NULL: the namespace's own policy */
	const char *pod; /* the agent pod's name; NULL: not said */
	uint64_t mark; /* another for each state of the object; never 0 */
	bool is_bound; /* a pod that carries its id */
};

/* Whether it is an agent pod as the API server keeps it. */
bool pair_sight_of_pod(const json_t *metadata, struct pair_sight *out);

/* Whether it is, by its name and labels, a companion of that kind. PAIR_EGRESS also tells a namespace's own policy. */
bool pair_sight_of_companion(const json_t *metadata, enum pair_kind kind, struct pair_sight *out);

/* Of an object's metadata; 0 where it is none. */
uint64_t pair_sight_mark(const json_t *metadata);

/* As the API server makes them: hexadecimal digits in groups of 8, 4, 4, 4 and 12. NULL is none. */
bool pair_sight_is_uid(const char *text);

#endif
