/* SPDX-License-Identifier: Apache-2.0 */
/* kube_pages: goes through a list of the API server's a page at a time, so that memory does not depend on its length. */
#ifndef WEBHOOK_KUBE_PAGES_H
#define WEBHOOK_KUBE_PAGES_H

#include <stdint.h>

#include "lib/buf.h"
#include "lib/json.h"
#include "webhook/kube_client.h"

struct kube_pages {
	const struct kube_client *client;
	const char *kind; /* of the list: "PodList" */
	/* Path and query of a page of at most `limit`; `more` "" for the first. */
	void (*put_target)(void *cls, struct buf *out, unsigned int limit, const char *more);
	/* A page has come, with what the list says that it is a state of, or NULL. NULL: nobody wants to know. */
	void (*begin)(void *cls, const char *version);
	int (*take)(void *cls, json_t *item, struct err *err); /* -1 ends it */
	bool asks_nothing; /* of the API server, in `begin` and `take`: a large page is gone through alone */
	void *cls;
};

/* 0: all were taken, but for `*out_unreadable` that are too large to be looked at. */
int kube_pages_each(const struct kube_pages *pages, uint64_t *out_unreadable, struct err *err);

#endif
