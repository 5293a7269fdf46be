/* SPDX-License-Identifier: Apache-2.0 */
/* audit_page: a page of a list of pods. Pure. */
#ifndef WEBHOOK_AUDIT_PAGE_H
#define WEBHOOK_AUDIT_PAGE_H

#include "lib/err.h"
#include "lib/json.h"
#include "lib/rd.h"
#include "webhook/kube_cache.h"

struct audit_page {
	json_t *root;
	const json_t *items; /* of objects */
	char more[KUBE_MORE_MAX]; /* where the next page begins; "" behind the last */
};

/* ERR_INVALID: not a page; ERR_LIMIT: too large a tree. audit_page_done() releases. */
int audit_page_parse(struct slice text, struct audit_page *out, struct err *err);
void audit_page_done(struct audit_page *page);

/* Where the next page begins, of one that is too large to be parsed or came in part: the API server writes the
 * list's metadata before its items. ERR_INVALID: it did not. */
int audit_page_skip(struct slice text, char out[KUBE_MORE_MAX], struct err *err);

#endif
