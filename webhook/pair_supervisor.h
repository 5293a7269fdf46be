/* SPDX-License-Identifier: Apache-2.0 */
/* pair_supervisor: who says of itself that it is an agent pod's proxy (label sandbox-role: supervisor), and so is let
 * out by that pod's fence. It must be what we make for that pod, found by comparing, whoever submits it. What is
 * compared is a pod, or what a ReplicaSet makes pods of. Pure. */
#ifndef WEBHOOK_PAIR_SUPERVISOR_H
#define WEBHOOK_PAIR_SUPERVISOR_H

#include "webhook/config.h"
#include "webhook/findings.h"
#include "webhook/namespaces.h"

/* Of any shape, NULL too. */
bool pair_supervisor_is(const json_t *pod);

/* The name of the agent pod that it says it is for, as names of pods are; NULL: none. Borrows. */
const char *pair_supervisor_agent(const json_t *pod);

/* Refuses what is wrong with it whatever its agent pod is: its labels, its annotations, who owns it. `object` is the
 * ReplicaSet, or the pod once more. */
void pair_supervisor_check_claim(const json_t *object, json_t *pod, struct findings *findings);

/* Refuses what differs from the proxy of `agent`, but for what admission adds to any pod; also where that is no agent
 * pod, or another than it says. After pair_supervisor_check_claim() had nothing to refuse. */
void pair_supervisor_check(json_t *pod, json_t *agent, const struct namespace_facts *ns,
			   const struct webhook_config *config, struct findings *findings);

#endif
