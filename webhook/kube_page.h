/* SPDX-License-Identifier: Apache-2.0 */
/* kube_page: a page of a list of objects. Pure. */
#ifndef WEBHOOK_KUBE_PAGE_H
#define WEBHOOK_KUBE_PAGE_H

#include "lib/err.h"
#include "lib/json.h"
#include "lib/rd.h"
#include "webhook/kube_cache.h"

struct kube_page {
	json_t *root;
	const json_t *items; /* of objects */
	const char *version; /* where a watch begins; NULL where it does not say */
	char more[KUBE_MORE_MAX]; /* where the next page begins; "" behind the last */
};

/* `kind` is the list's, "PodList". ERR_INVALID: not such a page; ERR_LIMIT: too large a tree. kube_page_done()
 * releases. */
int kube_page_parse(struct slice text, const char *kind, struct kube_page *out, struct err *err);
void kube_page_done(struct kube_page *page);

/* Where the next page begins, of one that is too large to be parsed or came in part: the API server writes the
 * list's metadata before its items. ERR_INVALID: it did not. */
int kube_page_skip(struct slice text, const char *kind, char out[KUBE_MORE_MAX], struct err *err);

#endif
