/* SPDX-License-Identifier: Apache-2.0 */
/* pod_update: what may not change in a pod that exists. Kubernetes would allow it, and the sandbox, which was built
 * when the pod began, would rest on it. All else of an update is left alone: nothing that ends a pod, such as a
 * finalizer that goes, may ever be held up here. */
#ifndef WEBHOOK_POD_UPDATE_H
#define WEBHOOK_POD_UPDATE_H

#include "lib/json.h"
#include "webhook/findings.h"

/* Refuses another image for one of our containers (with `images_stay` for any of a sandboxed pod), and
 * a label, annotation or scheduling gate of ours that comes, goes or changes. Both pods may be of any
 * shape. */
void pod_update_check(const json_t *old_pod, const json_t *new_pod, bool images_stay,
		      struct findings *findings);

#endif
