/* SPDX-License-Identifier: Apache-2.0 */
/* expiry_loop: tells the cluster's people in time that a certificate which is theirs to renew expires, on a thread of its
 * own and in the replica that leads. */
#ifndef WEBHOOK_EXPIRY_LOOP_H
#define WEBHOOK_EXPIRY_LOOP_H

#include "lib/err.h"
#include "lib/log.h"
#include "webhook/kube_leader.h"

struct expiry_options {
	const char *server, *account; /* as struct kube_client */
	const char *service, *namespace_name; /* whom the Event is about */
	const struct log *log;
	struct kube_leader *leader;
};

struct expiry_loop;

/* Of what serving_cert has loaded. Everything is borrowed. Signals must be blocked by the caller. */
int expiry_loop_start(const struct expiry_options *options, struct expiry_loop **out,
		      struct err *err);

/* About a second. NULL is fine. */
void expiry_loop_stop(struct expiry_loop *loop);

#endif
