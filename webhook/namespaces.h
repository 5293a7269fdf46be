/* SPDX-License-Identifier: Apache-2.0 */
/* namespaces: what the webhook knows of the namespaces, from a file of Namespace objects or
 * from the API server (kube_cache). */
#ifndef WEBHOOK_NAMESPACES_H
#define WEBHOOK_NAMESPACES_H

#include <stddef.h>

#include "lib/err.h"
#include "lib/json.h"
#include "lib/rd.h"

/* Borrows from the struct namespaces it came from. */
struct namespace_facts {
	const char *name;
	json_t *labels, *annotations; /* objects of strings, or NULL */
};

struct namespaces {
	struct namespace_facts *items; /* sorted by name */
	size_t n;
	json_t *owner;
};

/* Namespace objects in YAML or JSON, also as a List. ERR_INVALID: another kind, no name, a name
 * twice, a label or annotation that is not a string. */
int namespaces_parse(struct slice text, struct namespaces *out, struct err *err);

/* The same from an array of objects, which it takes over, also on failure. */
int namespaces_take(json_t *objects, struct namespaces *out, struct err *err);

/* The same from the file at `path`. */
int namespaces_load(const char *path, struct namespaces *out, struct err *err);

/* Another holder of the same, which nobody changes. */
void namespaces_share(const struct namespaces *namespaces, struct namespaces *out);

/* Calls `differs` for each that is in one of them alone, or has other labels or annotations in the other. */
void namespaces_compare(const struct namespaces *before, const struct namespaces *after,
			void (*differs)(void *cls, const char *name), void *cls);

void namespaces_done(struct namespaces *namespaces);

/* NULL where it is not known. */
const struct namespace_facts *namespaces_find(const struct namespaces *namespaces,
					      const char *name);

#endif
