/* SPDX-License-Identifier: Apache-2.0 */
/* pieces: what topology combined adds to a pod. Every field that the API server would default is
 * written out, so that our own output, once it has been through the API server, is recognised. */
#ifndef WEBHOOK_PIECES_H
#define WEBHOOK_PIECES_H

#include <stdbool.h>

#include "lib/json.h"
#include "webhook/config.h"

struct pieces {
	json_t *install; /* the init container */
	json_t *volumes; /* of the pod */
	json_t *mounts; /* of the workload container */
};

/* `hide_token`: the pod keeps its ServiceAccount token, which must not reach our container. */
void pieces_render(const struct webhook_config *config, const char *policy, bool hide_token,
		   struct pieces *out);
void pieces_done(struct pieces *pieces);

/* The members that the workload container's securityContext must have; the caller drops it. */
json_t *pieces_capabilities(void);

/* Whether `container` is our install container. Its resources are left out of the comparison:
 * LimitRanges, autoscalers and defaults change them, and no part of the sandbox rests on them. */
bool pieces_is_install(const struct pieces *pieces, json_t *container);

#endif
