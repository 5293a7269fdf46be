/* SPDX-License-Identifier: Apache-2.0 */
/* token: the ServiceAccount token, which the API server mounts into every container before we see
 * the pod. A workload keeps it only where it says so. */
#ifndef WEBHOOK_TOKEN_H
#define WEBHOOK_TOKEN_H

#include <stdbool.h>

#include "lib/json.h"
#include "webhook/edits.h"

/* Whether the volume of this name holds the token: the API server's own, or a projected or Secret
 * volume that a container mounts in its place. */
bool token_is_volume(const json_t *spec, const char *name);

/* Takes its volumes and mounts out, and keeps the API server from putting them back. */
void token_remove(const json_t *spec, struct edits *edits);

#endif
