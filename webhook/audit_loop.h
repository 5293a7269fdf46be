/* SPDX-License-Identifier: Apache-2.0 */
/* audit_loop: looks for pods that are not sandboxed as they should be, again and again, on a thread of its own and
 * in the replica that leads; tells them in the log, in metrics and in Events. It changes nothing else. */
#ifndef WEBHOOK_AUDIT_LOOP_H
#define WEBHOOK_AUDIT_LOOP_H

#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/log.h"
#include "webhook/config.h"
#include "webhook/kube_leader.h"

enum { AUDIT_LOOP_DEFAULT_S = 600, AUDIT_LOOP_MAX_S = 86400 };

struct audit_loop_options {
	const char *server, *account; /* as struct kube_client */
	const struct webhook_config *config;
	const struct log *log;
	struct kube_leader *leader;
	uint32_t interval_s; /* 1..AUDIT_LOOP_MAX_S */
};

struct audit_loop;

/* Everything is borrowed. Signals must be blocked by the caller. */
int audit_loop_start(const struct audit_loop_options *options, struct audit_loop **out,
		     struct err *err);

/* What was found last; only errors where another replica leads. From any thread; NULL is fine. */
void audit_loop_put_metrics(struct audit_loop *loop, struct buf *out);

/* About a second. NULL is fine. */
void audit_loop_stop(struct audit_loop *loop);

#endif
