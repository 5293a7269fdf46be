/* SPDX-License-Identifier: Apache-2.0 */
/* ours: names, paths and keys that belong to us, found in a pod. What is there must be exactly what
 * we render, found by comparing, never by a mark: then the pod is our own output, come back. */
#ifndef WEBHOOK_OURS_H
#define WEBHOOK_OURS_H

#include <stdbool.h>

#include "lib/json.h"
#include "webhook/findings.h"
#include "webhook/pieces.h"

/* Refuses what uses our names or paths and is not a piece. True where our init containers are there. */
bool ours_check(const json_t *spec, const struct pieces *pieces, struct findings *findings);

/* Refuses labels and annotations that only we write, but for the status and the sandbox's role as we would write
 * them (NULL: we would not). */
void ours_check_keys(const json_t *pod, const char *status, const char *role,
		     struct findings *findings);

#endif
