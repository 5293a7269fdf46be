/* SPDX-License-Identifier: Apache-2.0 */
/* kube_change: one line of a watch. Pure. */
#ifndef WEBHOOK_KUBE_CHANGE_H
#define WEBHOOK_KUBE_CHANGE_H

#include "lib/err.h"
#include "lib/json.h"
#include "lib/rd.h"
#include "webhook/kube_cache.h"

enum kube_change_type {
	KUBE_CHANGE_SET = 0, /* added or modified: `object` is how it is now */
	KUBE_CHANGE_DELETED, /* `object` is how it was */
	KUBE_CHANGE_BOOKMARK, /* only the version has changed */
	KUBE_CHANGE_EXPIRED, /* the version is too old to go on from: list again; no object, no version */
};

struct kube_change {
	enum kube_change_type type;
	json_t *root;
	json_t *object;
	char version[KUBE_VERSION_MAX]; /* where a watch goes on behind it */
};

/* ERR_INVALID: not an event, or one that reports another error; ERR_LIMIT: too large a tree. kube_change_done()
 * releases. */
int kube_change_parse(struct slice line, struct kube_change *out, struct err *err);
void kube_change_done(struct kube_change *change);

/* metadata.resourceVersion of an object or a list. ERR_INVALID: missing or too long. */
int kube_change_read_version(const json_t *meta, char out[KUBE_VERSION_MAX], struct err *err);

#endif
