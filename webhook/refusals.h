/* SPDX-License-Identifier: Apache-2.0 */
/* refusals: what no topology with a launcher in the pod can sandbox. Pure; the pod passed
 * pod_check(). Names and paths that belong to us are judged by ours_check(). */
#ifndef WEBHOOK_REFUSALS_H
#define WEBHOOK_REFUSALS_H

#include "lib/json.h"
#include "webhook/findings.h"

/* The pod as a whole: node namespaces, Windows, meshes, hostPath. */
void refuse_pod(const json_t *pod, struct findings *findings);

/* One container: privilege, devices, propagation, paths, variables, but for those of `env`, which are ours (NULL:
 * none). */
void refuse_container(const json_t *container, const json_t *env, struct findings *findings);

/* The names of the volumes that only the kubelet writes to, as the keys of an object, which the caller frees; the
 * value is true where nothing in one can be executed. To be asked for once: a pod may have many mounts. */
json_t *refuse_fixed_volumes(const json_t *spec);

/* Volumes inside volumes: who writes the outer one decides by a link where the inner one is mounted. `fixed` is of
 * refuse_fixed_volumes(). */
void refuse_nested_mounts(const json_t *fixed, const json_t *container, struct findings *findings);

#endif
