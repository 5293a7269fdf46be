/* SPDX-License-Identifier: Apache-2.0 */
/* token: the ServiceAccount token, which the API server mounts into every container before we see
 * the pod. A workload keeps it only where it says so. */
#ifndef WEBHOOK_TOKEN_H
#define WEBHOOK_TOKEN_H

#include <stdbool.h>

#include "lib/json.h"
#include "webhook/edits.h"

/* The names of the projected and Secret volumes that a container mounts in the token's place, as the keys of an
 * object, which the caller frees. To be asked for once: a pod may have many mounts. */
json_t *token_volumes(const json_t *spec);

/* Whether the volume of this name holds the token: the API server's own, or one of `tokens`. */
bool token_is_volume(const json_t *tokens, const char *name);

/* Takes its volumes and mounts out, and keeps the API server from putting them back. */
void token_remove(const json_t *spec, const json_t *tokens, struct edits *edits);

#endif
