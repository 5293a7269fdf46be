/* SPDX-License-Identifier: Apache-2.0 */
/* entrypoint: the command that a container would have run without us. */
#ifndef WEBHOOK_ENTRYPOINT_H
#define WEBHOOK_ENTRYPOINT_H

#include "lib/json.h"
#include "webhook/choices.h"
#include "webhook/identity.h"

/* From the container's command (unwrapped where it is ours already; then `out_rendered` is the
 * identity in it), else from openshell.io/command. The caller drops it; NULL where refused. */
json_t *entrypoint_resolve(const json_t *container, const struct choices *choices,
			   struct identity *out_rendered, struct findings *findings);

#endif
