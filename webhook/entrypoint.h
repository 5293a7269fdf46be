/* SPDX-License-Identifier: Apache-2.0 */
/* entrypoint: the command that a container would have run without us. */
#ifndef WEBHOOK_ENTRYPOINT_H
#define WEBHOOK_ENTRYPOINT_H

#include <stdbool.h>

#include "lib/json.h"
#include "webhook/findings.h"
#include "webhook/identity.h"
#include "webhook/image_look.h"
#include "webhook/topology.h"

/* `annotation` is what openshell.io/command says, or NULL. Refuses names of containers that the pod does
 * not have: they are typing errors. So is an array where several containers could be meant. */
void entrypoint_check_names(json_t *annotation, const json_t *spec, struct findings *findings);

/* Where else than in the container it may be said. */
struct entrypoint_hints {
	json_t *annotation; /* or NULL */
	const struct image_look *image;
};

/* From the container's command (unwrapped where it is ours already; then `out_rendered` is the
 * identity in it), else from the annotation, else from the image. The caller drops it; NULL where refused. */
json_t *entrypoint_resolve(const json_t *container, bool is_workload,
			   const struct entrypoint_hints *hints, enum topology topology,
			   struct identity *out_rendered, struct findings *findings);

#endif
