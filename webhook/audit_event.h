/* SPDX-License-Identifier: Apache-2.0 */
/* audit_event: how a pod that the audit found is told to its people: in an Event of the pod, and in one of what
 * made it, which reads the same for all its pods. Pure. */
#ifndef WEBHOOK_AUDIT_EVENT_H
#define WEBHOOK_AUDIT_EVENT_H

#include "webhook/audit_scan.h"
#include "webhook/kube_event.h"

/* `message` holds the text and is cleared first. Borrows from both. */
void audit_event_of_pod(const struct audit_found *found, struct buf *message,
			struct kube_event *out);

/* False where nothing in the pod's namespace owns it. */
bool audit_event_of_owner(const struct audit_found *found, struct buf *message,
			  struct kube_event *out);

/* Whether it is worth an Event: a pod that is only older than its webhook is not. */
bool audit_is_told(enum audit_reason reason);

#endif
