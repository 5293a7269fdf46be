/* SPDX-License-Identifier: Apache-2.0 */
/* kube_client: requests to the API server, as the pod's ServiceAccount. HTTPS alone, verified against
 * the cluster's CA; no redirect is followed, and no proxy variable is read. Calls block: they are for
 * threads of their own, and for answers that a review waits for with a short `timeout_ms`. */
#ifndef WEBHOOK_KUBE_CLIENT_H
#define WEBHOOK_KUBE_CLIENT_H

#include <stdatomic.h>

#include "lib/err.h"
#include "lib/rd.h"
#include "webhook/kube_request.h"

struct kube_client {
	const char *server; /* "https://kubernetes.default.svc" */
	const char *
		account; /* a folder with ca.crt and token, read for each request: both are rotated */
	const atomic_bool *stop; /* ends a request within about a second; NULL: nothing does */
	const char *accept; /* NULL: JSON */
	/* Connections to be used again, by one thread at a time (kube_client_keep); NULL: each request has its own. */
	void *kept;
};

/* As given in argv; NULL: not given. */
struct kube_text {
	const char *server, *account;
};

#define KUBE_SERVER "https://kubernetes.default.svc"
#define KUBE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"

/* The options of `kube_text`, for subcommands that look at a cluster. */
#define KUBE_OPTIONS(text)                                                 \
	{ "--kubernetes", CMD_TEXT, &(text)->server, "URL",                \
	  "the API server, default " KUBE_SERVER },                        \
	{                                                                  \
		"--service-account", CMD_TEXT, &(text)->account, "FOLDER", \
			"ca.crt and token for it, default " KUBE_ACCOUNT   \
	}

/* With the defaults. ERR_INVALID: not https. Borrows from `text`. */
int kube_client_parse(const struct kube_text *text, struct kube_client *out, struct err *err);

/* What is done with each piece of the body of an answer 200; -1 ends the request. */
struct kube_sink {
	int (*take)(void *cls, struct slice piece, struct err *err);
	void *cls;
};

/* Before any thread is started; once more does nothing. */
int kube_client_init(struct err *err);

/* Keeps the connection from now on: for threads that ask often. kube_client_drop() ends that. */
int kube_client_keep(struct kube_client *client, struct err *err);
void kube_client_drop(struct kube_client *client);

/* One request whose answer is one JSON object of at most KUBE_ANSWER_MAX bytes. 0: it was done. -1
 * otherwise, with the server's reason in `err`. `out` is set in either case and its old content not looked at;
 * the caller ends with kube_answer_done(), or kube_object_wipe() of the object of a Secret. */
int kube_client_ask(const struct kube_client *client, const struct kube_request *request,
		    struct kube_answer *out, struct err *err);

/* One GET of `target` (path and query) that lasts at most `timeout_s`, for lists and watches: its body goes
 * to `sink`. 0: the whole body of a 2xx was taken. -1: ERR_DENIED for another status, which is in
 * `*out_status` (else 0). */
int kube_client_get(const struct kube_client *client, const char *target, long timeout_s,
		    const struct kube_sink *sink, long *out_status, struct err *err);

#endif
