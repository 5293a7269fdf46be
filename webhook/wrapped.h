/* SPDX-License-Identifier: Apache-2.0 */
/* wrapped: a pod in which the agent starts in the place of each container's command: what the topologies
 * have in common that have it so. Each adds its own refusals and edits. Pure. */
#ifndef WEBHOOK_WRAPPED_H
#define WEBHOOK_WRAPPED_H

#include "webhook/confine.h"
#include "webhook/pieces.h"
#include "webhook/rewrite.h"

struct wrapped {
	struct pieces pieces; /* rendered by the topology before wrapped_plan() */
	json_t *tokens, *fixed;
	struct buf groups, status;
	struct confine_pod pod;
	struct confine *containers; /* the user's: init containers, then those that stay */
	size_t n;
};

/* Zeroed ones are fine. */
void wrapped_done(struct wrapped *plan);

/* Refusals go to `findings`; then `plan` is good for wrapped_done() alone. */
void wrapped_plan(const struct rewrite *in, enum topology topology, struct wrapped *plan,
		  struct findings *findings);

/* Containers that are root or may gain privileges, where each runs as its user from its start. */
void wrapped_refuse_privilege(const struct rewrite *in, const struct wrapped *plan,
			      struct findings *findings);

void wrapped_edit(const struct rewrite *in, const struct wrapped *plan, struct edits *edits);

#endif
