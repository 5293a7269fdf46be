/* SPDX-License-Identifier: Apache-2.0 */
/* pair_loop: gives each agent pod of topology proxy-pod its proxy, in the replica that leads: watches of agent pods and
 * of what was made for them, and threads that look after one pair at a time. Idle it only watches. */
#ifndef WEBHOOK_PAIR_LOOP_H
#define WEBHOOK_PAIR_LOOP_H

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/log.h"
#include "webhook/config.h"
#include "webhook/kube_leader.h"
#include "webhook/namespaces.h"

struct pair_loop_options {
	const char *server, *account; /* as struct kube_client */
	const char *service, *namespace_name; /* our own: where the master key is */
	const struct webhook_config *config;
	const struct log *log;
	struct kube_leader *leader;
	/* The namespaces that are opted in; from any thread. */
	void (*namespaces)(void *cls, struct namespaces *out);
	void *cls;
};

struct pair_loop;

/* Everything is borrowed. Signals must be blocked by the caller. */
int pair_loop_start(const struct pair_loop_options *options, struct pair_loop **out,
		    struct err *err);

/* From any thread; NULL is fine. */
void pair_loop_put_metrics(struct pair_loop *loop, struct buf *out);

/* About a second; what is under way is done by who leads next. NULL is fine. */
void pair_loop_stop(struct pair_loop *loop);

#endif
