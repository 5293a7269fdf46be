/* SPDX-License-Identifier: Apache-2.0 */
/* edits: what to change in the pod, in the order in which it must happen. Places are JSON pointers
 * (RFC 6901); what is already as wanted gives no edit, which is what makes a rewrite idempotent. */
#ifndef WEBHOOK_EDITS_H
#define WEBHOOK_EDITS_H

#include <stddef.h>

#include "lib/json.h"

enum edit_op { EDIT_ADD = 0, EDIT_REPLACE, EDIT_REMOVE };

struct edit {
	enum edit_op op;
	char *path;
	json_t *value; /* NULL for EDIT_REMOVE */
};

struct edits {
	struct edit *items;
	size_t n, cap;
};

void edits_done(struct edits *edits);

/* As RFC 6902 calls it: "add". */
const char *edits_op_name(enum edit_op op);

/* All take over `want`. */
void edits_add(struct edits *edits, const char *path, json_t *want);
void edits_remove(struct edits *edits, const char *path);

/* Makes the member at `path`, which is now `have` (NULL: absent), equal to `want`. */
void edits_set(struct edits *edits, const char *path, const json_t *have, json_t *want);

/* Makes each member of the object `want` so at `path`; other members of `have` stay. */
void edits_merge(struct edits *edits, const char *path, const json_t *have, json_t *want);

/* Appends the elements of `want` that the array at `path` does not have. */
void edits_append(struct edits *edits, const char *path, const json_t *have, json_t *want);

#endif
