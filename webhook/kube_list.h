/* SPDX-License-Identifier: Apache-2.0 */
/* kube_list: what is asked for once: the opted-in namespaces as they are now, the version, a page. */
#ifndef WEBHOOK_KUBE_LIST_H
#define WEBHOOK_KUBE_LIST_H

#include "webhook/kube_cache.h"
#include "webhook/kube_client.h"
#include "webhook/kube_version.h"

/* What `cache` knew stays where this fails. Ends early once the client is told to stop. */
int kube_list_namespaces(const struct kube_client *client, struct kube_cache *cache,
			 struct err *err);

/* Of the API server. */
int kube_list_version(const struct kube_client *client, struct kube_version *out, struct err *err);

/* The text of an answer 200 into `out`, up to its maximum. ERR_LIMIT: it is longer; what came before is
 * there. */
int kube_list_get(const struct kube_client *client, const char *target, struct buf *out,
		  struct err *err);

#endif
