/* SPDX-License-Identifier: Apache-2.0 */
/* image_look: what a container's image says, while its pod is judged. Whoever makes the image chooses where its own
 * volumes are mounted, and the runtime follows the image's links to there: so they are refused where they could come
 * to lie over the agent. Pure: what is not known is asked for, and the pod judged once more (image_wants). */
#ifndef WEBHOOK_IMAGE_LOOK_H
#define WEBHOOK_IMAGE_LOOK_H

#include "lib/err.h"
#include "lib/json.h"
#include "webhook/findings.h"
#include "webhook/identity.h"
#include "webhook/image_wants.h"
#include "webhook/rewrite.h"

struct image_look {
	const struct image_facts *facts; /* borrowed from the wants; NULL: not known */
	const struct err *why; /* not known, where it was asked; else NULL */
	struct identity user; /* zeros: root, a name, or not known */
	char *pinned; /* the image's name with its digest, in place of what the pod says; NULL: no change */
};

/* Zeroed ones are fine. */
void image_look_done(struct image_look *look);

/* Of a container that passed pod_check(); refusals go to `findings`. image_look_done() releases `out`. */
void image_look(const struct rewrite *in, const json_t *container, struct image_look *out,
		struct findings *findings);

/* The words that the runtime would start, where the container has no command: the image's entrypoint and, without
 * args of the container's own, its arguments. The caller drops it; NULL: there are none. */
json_t *image_look_command(const struct image_look *look, const json_t *container);

#endif
