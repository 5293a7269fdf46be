/* SPDX-License-Identifier: Apache-2.0 */
/* cert_keeper: the webhook's own certificate, kept in a Secret, served by every replica, and renewed and
 * published by the one that leads. On a thread of its own; it never makes a review wait.
 *
 * A round reads the Secret and the webhook configurations, serves what the Secret holds, and, where we lead,
 * takes at most one step towards what should be (certs/rotation.h). A round follows each change of these
 * objects at once, and comes now and then without one. */
#ifndef WEBHOOK_CERT_KEEPER_H
#define WEBHOOK_CERT_KEEPER_H

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/log.h"
#include "webhook/cert_objects.h"
#include "webhook/kube_leader.h"

struct cert_keeper_options {
	const char *server, *account; /* as struct kube_client */
	const struct cert_place *place;
	const char *host; /* of the Service: NAME.NAMESPACE.svc */
	const char *configuration; /* the name of both webhook configurations */
	int64_t life_s;
	struct kube_leader *leader;
	const struct log *log;
	/* Told after each round why we are not ready, NULL where we are. On the keeper's thread; a text
	 * that lasts. */
	void (*ready)(void *cls, const char *why_not);
	void *cls;
};

struct cert_keeper;

/* Everything is borrowed. Signals must be blocked by the caller. */
int cert_keeper_start(const struct cert_keeper_options *options, struct cert_keeper **out,
		      struct err *err);

/* Counters, as Prometheus text. From any thread. */
void cert_keeper_put_metrics(struct cert_keeper *keeper, struct buf *out);

/* A second or two. NULL is fine. */
void cert_keeper_stop(struct cert_keeper *keeper);

#endif
