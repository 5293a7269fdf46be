/* SPDX-License-Identifier: Apache-2.0 */
/* kube_client: GET requests to the API server, as the pod's ServiceAccount. HTTPS alone, verified
 * against the cluster's CA; no redirect is followed, and no proxy variable is read. */
#ifndef WEBHOOK_KUBE_CLIENT_H
#define WEBHOOK_KUBE_CLIENT_H

#include <stdatomic.h>

#include "lib/err.h"
#include "lib/rd.h"

struct kube_client {
	const char *server; /* "https://kubernetes.default.svc" */
	const char *
		account; /* a folder with ca.crt and token, read for each request: both are rotated */
	const atomic_bool *stop; /* ends a request within about a second */
};

/* What is done with each piece of the body of an answer 200; -1 ends the request. */
struct kube_sink {
	int (*take)(void *cls, struct slice piece, struct err *err);
	void *cls;
};

/* Once, before any thread is started. */
int kube_client_init(struct err *err);

/* One GET of `target` (path and query) that lasts at most `timeout_s`. 0: the whole body of a 200 was
 * taken. -1: ERR_DENIED for another status, which is in `*out_status` (else 0). */
int kube_client_get(const struct kube_client *client, const char *target, long timeout_s,
		    const struct kube_sink *sink, long *out_status, struct err *err);

#endif
