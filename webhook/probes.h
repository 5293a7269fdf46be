/* SPDX-License-Identifier: Apache-2.0 */
/* probes: what the kubelet does to a container while it runs: probes and lifecycle hooks. Those that run
 * a command start it as the container's root, beside the sandbox: the agent takes it in. */
#ifndef WEBHOOK_PROBES_H
#define WEBHOOK_PROBES_H

#include "lib/json.h"
#include "webhook/edits.h"
#include "webhook/findings.h"

/* Three probes and two hooks. */
enum { PROBES_COUNT = 5 };

/* NULL where the container does not have it. Borrows. */
const json_t *probes_get(const json_t *container, size_t i);

/* Refuses commands that are none, and what would go to another host than the pod. */
void probes_check(const json_t *container, struct findings *findings);

/* `path` is the container's. Commands that go through the agent already stay. */
void probes_edit(const json_t *container, const char *path, struct edits *edits);

#endif
