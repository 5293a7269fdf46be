/* SPDX-License-Identifier: Apache-2.0 */
/* exec: what people start in a pod that runs (kubectl exec and cp), or attach to. The runtime would start a command
 * as the container's own user, beside the sandbox: the agent starts instead and takes it in. Pure. */
#ifndef WEBHOOK_EXEC_H
#define WEBHOOK_EXEC_H

#include "lib/json.h"
#include "webhook/edits.h"
#include "webhook/findings.h"

/* `options` is a PodExecOptions, `pod` the pod that it is for, of any shape. A pod without a sandbox is left alone;
 * in others only the user's containers take commands. What goes through the agent already gets no edit. */
void exec_rewrite(json_t *pod, json_t *options, struct edits *edits, struct findings *findings);

/* The same of a PodAttachOptions: whoever attaches reaches what the container started with, which in the user's
 * containers shares its streams with the workload and reads none of them. */
void exec_check_attach(json_t *pod, json_t *options, struct findings *findings);

#endif
