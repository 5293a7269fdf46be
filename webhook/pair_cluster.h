/* SPDX-License-Identifier: Apache-2.0 */
/* pair_cluster: requests about pairs. Each write asks first whether we still lead; one that is refused says why. */
#ifndef WEBHOOK_PAIR_CLUSTER_H
#define WEBHOOK_PAIR_CLUSTER_H

#include <stdatomic.h>

#include "webhook/kube_client.h"
#include "webhook/kube_leader.h"

/* Of all threads. */
struct pair_totals {
	atomic_ullong writes;
	atomic_ullong errors[KUBE_OUTCOME_COUNT];
	atomic_ullong watch_errors, unreadable;
};

/* Of one thread. */
struct pair_cluster {
	struct kube_client client;
	struct kube_leader *leader;
	struct pair_totals *totals;
	/* Of what was asked since pair_cluster_begin(). */
	enum kube_outcome outcome; /* of the last request */
	int64_t retry_after_ms; /* the longest pause that the API server wants */
};

/* A new piece of work. */
void pair_cluster_begin(struct pair_cluster *cluster);

/* 0: done, and `out` has the object. -1 otherwise; KUBE_ABSENT of a KUBE_GET or a KUBE_DELETE is 0, too, without an
 * object. `body` is borrowed; NULL: none. The caller ends with kube_answer_done(), or kube_object_wipe() for a Secret. */
int pair_cluster_ask(struct pair_cluster *cluster, enum kube_verb verb, const char *target,
		     json_t *body, struct kube_answer *out, struct err *err);

#endif
