/* SPDX-License-Identifier: Apache-2.0 */
/* confine: one container of a pod: the agent starts in its command's place. The user's init containers and
 * those that stay are confined alike. */
#ifndef WEBHOOK_CONFINE_H
#define WEBHOOK_CONFINE_H

#include "webhook/identity.h"
#include "webhook/image_look.h"
#include "webhook/pieces.h"
#include "webhook/rewrite.h"

/* What the containers of a pod have in common. Borrows. */
struct confine_pod {
	const struct rewrite *in;
	enum topology topology;
	const struct pieces *pieces;
	const json_t *tokens; /* token_volumes() */
	const json_t *fixed; /* refuse_fixed_volumes() */
	const char *groups;
	bool installed; /* our init containers are there: this is our own output, come back */
};

struct confine {
	const json_t *container; /* borrowed */
	bool stays; /* it is no init container */
	char *path; /* "/spec/containers/0" */
	json_t *original; /* its command */
	struct identity identity;
	struct image_look image;
	struct buf inbound;
};

/* Zeroed ones are fine. */
void confine_done(struct confine *plan);

/* `i` is the container's place in `list`, "containers" or "initContainers". Refusals go to `findings`; then
 * `out` is of no use. confine_done() releases it either way. */
void confine_plan(const struct confine_pod *pod, const char *list, size_t i, struct confine *out,
		  struct findings *findings);

void confine_edit(const struct confine_pod *pod, const struct confine *plan, struct edits *edits);

#endif
