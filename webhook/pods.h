/* SPDX-License-Identifier: Apache-2.0 */
/* pods: how a review that does not carry the pod learns what the pod is at this moment. */
#ifndef WEBHOOK_PODS_H
#define WEBHOOK_PODS_H

#include "webhook/kube_client.h"
#include "webhook/review.h"

enum {
	/* Somebody waits for it; the API server itself waits 5 s for us, twice. */
	PODS_TIMEOUT_MS = 1000,
};

struct pod_found {
	json_t *pod; /* NULL: `err` says why */
	struct err err;
};

void pod_found_done(struct pod_found *found);

/* Asks the API server for the pod that the AdmissionReview `body` is about: of a CONNECT the one that it leads into, else
 * the agent pod that what is submitted says it is the proxy of. `client` NULL: there is none to ask. May block for
 * PODS_TIMEOUT_MS, and longer where names resolve slowly. pod_found_done() releases. */
void pods_find(const struct kube_client *client, struct slice body, struct pod_found *out);

/* The same for the pod of that name; both texts may be any. */
void pods_find_named(const struct kube_client *client, const char *namespace_name, const char *name,
		     struct pod_found *out);

#endif
