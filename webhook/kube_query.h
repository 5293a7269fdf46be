/* SPDX-License-Identifier: Apache-2.0 */
/* kube_query: what is asked of the API server, and how long to wait before asking again. Pure. */
#ifndef WEBHOOK_KUBE_QUERY_H
#define WEBHOOK_KUBE_QUERY_H

#include <stdint.h>

#include "lib/buf.h"

/* Of pods that have not ended. */
#define KUBE_QUERY_RUNNING "status.phase!=Succeeded,status.phase!=Failed"

/* What `accept` is (kube_client), and what comes, where only the metadata of listed objects is asked for. */
#define KUBE_METADATA_LIST_KIND "PartialObjectMetadataList"
#define KUBE_METADATA_LIST "application/json;as=" KUBE_METADATA_LIST_KIND ";g=meta.k8s.io;v=v1"

enum {
	/* Every opted-in namespace with all its labels and annotations has room in a page (kube_client). */
	KUBE_PAGE = 100,
	/* The server ends a watch after this; the connection is then a fresh one. */
	KUBE_WATCH_S = 290,
	KUBE_RETRY_MIN_MS = 500,
	KUBE_RETRY_MAX_MS = 30000,
};

/* Path and query of a page of at most `limit` opted-in namespaces; `more` "" for the first. */
void kube_query_list(struct buf *out, unsigned int limit, const char *more);

/* Of a page of pods that have not ended; of all namespaces where `namespace_name` is NULL. */
void kube_query_pods(struct buf *out, const char *namespace_name, unsigned int limit,
		     const char *more);

/* Of a page of the ConfigMaps of that name that we made, of all namespaces (default_policy.h). */
void kube_query_maps(struct buf *out, const char *name, unsigned int limit, const char *more);

/* Of the events behind `version`. */
void kube_query_watch(struct buf *out, const char *version);

/* Which objects of one kind, in all namespaces, are followed. */
struct kube_query {
	const char *folder; /* "/api/v1/pods" */
	const char *labels, *fields; /* selectors; NULL: any */
};

/* The same two for them. */
void kube_query_page(struct buf *out, const struct kube_query *query, unsigned int limit,
		     const char *more);
void kube_query_events(struct buf *out, const struct kube_query *query, const char *version);

/* After `failures` in a row (at least 1): doubles up to a maximum, and between half and all of that by
 * `random`, so that replicas do not come at once. */
int64_t kube_query_retry_ms(unsigned int failures, uint32_t random);

#endif
