/* SPDX-License-Identifier: Apache-2.0 */
/* inject: the rewrite for manifests, without a cluster: each object that makes pods gets the template that the
 * admission server would give to its pods, by the same code. Pure. */
#ifndef WEBHOOK_INJECT_H
#define WEBHOOK_INJECT_H

#include "webhook/handler.h"

struct inject {
	const struct handler *handler;
	const char *namespace_name; /* of objects that name none */
	bool is_only_namespace; /* and of those that do */
	/* Called for each object that is a pod or makes pods, and for those that seem to (`is_known`
	 * false), which are left as they are. */
	void (*report)(void *ctx, const json_t *object, bool is_known,
		       const struct outcome *outcome);
	void *ctx;
};

/* Rewrites `object` in place: a Pod, a workload that makes pods, and all that stands in its items. Others stay
 * as they are. What is refused stays as it is and is reported so. -1: an edit did not apply, which is a bug. */
int inject_object(const struct inject *inject, json_t *object, struct err *err);

#endif
