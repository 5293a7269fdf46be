/* SPDX-License-Identifier: Apache-2.0 */
/* default_policy_loop: gives each opted-in namespace the cluster's default policy, and takes it away where it does not
 * belong any more, on a thread of its own and in the replica that leads. What it did not make it leaves alone. */
#ifndef WEBHOOK_DEFAULT_POLICY_LOOP_H
#define WEBHOOK_DEFAULT_POLICY_LOOP_H

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/log.h"
#include "webhook/kube_leader.h"

struct default_policy_options {
	const char *server, *account; /* as struct kube_client */
	const char *text; /* default_policy_check() took it; NULL: namespaces are to have none */
	const char *configuration; /* the MutatingWebhookConfiguration that it goes with */
	const struct log *log;
	struct kube_leader *leader;
};

struct default_policy_loop;

/* Everything is borrowed. Signals must be blocked by the caller. */
int default_policy_start(const struct default_policy_options *options,
			 struct default_policy_loop **out, struct err *err);

/* What was done; what there is only where this replica leads. From any thread; NULL is fine. */
void default_policy_put_metrics(struct default_policy_loop *loop, struct buf *out);

/* About a second. NULL is fine. */
void default_policy_stop(struct default_policy_loop *loop);

#endif
