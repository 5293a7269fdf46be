/* SPDX-License-Identifier: Apache-2.0 */
/* kube_cache: the opted-in namespaces, as the API server's list and the events behind it tell them.
 * Pure: text in, `struct namespaces` out. Of each namespace only the keys that we read are kept. */
#ifndef WEBHOOK_KUBE_CACHE_H
#define WEBHOOK_KUBE_CACHE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"
#include "lib/json.h"
#include "lib/rd.h"
#include "webhook/namespaces.h"

enum {
	/* A resourceVersion is a number of 64 bits today; clients must not rely on that. */
	KUBE_VERSION_MAX = 128,
	/* A continue token is a key and a version, in base64. */
	KUBE_MORE_MAX = 2048,
	/* Of all that is kept; a namespace without annotations of ours takes some 100 bytes. */
	KUBE_CACHE_MAX = 16 << 20,
};

struct kube_cache {
	json_t *known; /* name to Namespace, or NULL before the first list */
	json_t *listing; /* the same, of a list whose last page has not come */
	size_t bytes, listing_bytes;
	char version[KUBE_VERSION_MAX]; /* where a watch begins */
	char more[KUBE_MORE_MAX]; /* where the next page of a list begins; "" at the first */
};

enum kube_watch_event {
	KUBE_EVENT_NOTED = 0, /* nothing that is kept has changed */
	KUBE_EVENT_CHANGED,
	KUBE_EVENT_EXPIRED, /* the version is too old to go on from: list again */
};

void kube_cache_done(struct kube_cache *cache);

/* Forgets the pages of a list that did not come to its end. What is known stays. */
void kube_cache_restart_list(struct kube_cache *cache);

/* A page of a list. With the last one `*out_complete` is true, and what was listed is known.
 * ERR_INVALID: not a list of namespaces; ERR_LIMIT: too large to be taken at once, or to be kept. */
int kube_cache_take_page(struct kube_cache *cache, struct slice page, bool *out_complete,
			 struct err *err);

/* An event of a watch. ERR_INVALID: not an event, or one that reports an error. */
int kube_cache_take_event(struct kube_cache *cache, struct slice event, enum kube_watch_event *out,
			  struct err *err);

/* What is known; it shares values with the cache, which never changes one. */
int kube_cache_publish(const struct kube_cache *cache, struct namespaces *out, struct err *err);

#endif
