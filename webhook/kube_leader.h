/* SPDX-License-Identifier: Apache-2.0 */
/* kube_leader: takes part in the election of the replica that leads, on a thread of its own. Every replica
 * serves admission; what must be done by one alone asks kube_leader_is() right before each step, and is
 * written so that a second one that believes the same for a moment does no harm. */
#ifndef WEBHOOK_KUBE_LEADER_H
#define WEBHOOK_KUBE_LEADER_H

#include <stdbool.h>

#include "lib/err.h"
#include "lib/log.h"

struct kube_leader_options {
	const char *server, *account; /* as struct kube_client */
	const char *name, *namespace_name; /* of the Lease */
	const struct log *log;
};

struct kube_leader;

/* Texts are borrowed. Signals must be blocked by the caller. */
int kube_leader_start(const struct kube_leader_options *options, struct kube_leader **out,
		      struct err *err);

/* Whether we lead at this moment. From any thread; NULL: false. */
bool kube_leader_is(struct kube_leader *leader);

/* Requests for the Lease that failed. */
unsigned long long kube_leader_errors(struct kube_leader *leader);

/* Gives the Lease up, so that another may lead at once; about a second. NULL is fine. */
void kube_leader_stop(struct kube_leader *leader);

#endif
