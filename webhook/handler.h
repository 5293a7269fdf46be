/* SPDX-License-Identifier: Apache-2.0 */
/* handler: an AdmissionReview in, an AdmissionReview out. Knows the order of the steps, and turns what they
 * found into allowed or refused. Here /mutate, in validate.c /validate. */
#ifndef WEBHOOK_HANDLER_H
#define WEBHOOK_HANDLER_H

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/rd.h"
#include "webhook/config.h"
#include "webhook/edits.h"
#include "webhook/findings.h"
#include "webhook/namespaces.h"
#include "webhook/pods.h"
#include "webhook/review.h"

enum {
	/* More than any pod that etcd stores (1.5 MiB), with room for what base64 adds. */
	HANDLER_PATCH_MAX = 16 << 20,
	HANDLER_ANSWER_MAX = 24 << 20,
};

enum outcome_result { OUTCOME_REFUSED = 0, OUTCOME_UNTOUCHED, OUTCOME_REWRITTEN, OUTCOME_COUNT };

/* What the API server asks: to change an object, or whether it may be as all have changed it. */
enum endpoint { ENDPOINT_MUTATE = 0, ENDPOINT_VALIDATE, ENDPOINT_COUNT };

/* As its path is called: "mutate". */
const char *endpoint_name(enum endpoint endpoint);

/* What has to be asked for before there is an answer; the review is judged once more then. */
enum wait { WAIT_NONE = 0, WAIT_IMAGES, WAIT_POD };

/* For metrics: no text from outside. */
struct outcome {
	enum endpoint endpoint;
	enum outcome_result result;
	enum topology topology;
	struct findings findings;
	enum wait waits;
};

struct handler {
	const struct webhook_config *config;
	const struct namespaces *namespaces;
	const struct log *log;
	struct kube_version kubernetes; /* as the API server says; zeros: not known */
	const struct pod_found *found; /* as pods_find() says; NULL: nobody asked for it */
	struct image_wants *images; /* NULL: images are not looked up */
};

/* What becomes of `pod` where it is created in the namespace: its edits, or the refusals in
 * `outcome->findings`. The pod may be of any shape, NULL too. */
void handler_rewrite(const struct handler *handler, json_t *pod, const char *namespace_name,
		     struct edits *edits, struct outcome *outcome);

/* The pod that a CONNECT is about, borrowed; NULL: the refusal is in `outcome`. */
json_t *handler_pod_of(const struct handler *handler, struct outcome *outcome);

/* Whether a pod, or what pods are made of, is to be judged as an agent pod's proxy, which is not sandboxed. */
bool handler_is_proxy(const struct handler *handler, const json_t *pod);

/* The edits that take the command of a CONNECT to pods/exec into the sandbox, or the refusal. */
void handler_exec(const struct handler *handler, const struct review *review, struct edits *edits,
		  struct outcome *outcome);

/* Answers by what is in `outcome`: a refusal, or an allowance with `edits` as its patch. -1: the answer is
 * larger than `out` holds. */
int handler_answer(const struct handler *handler, const struct review *review,
		   const struct edits *edits, struct outcome *outcome, struct buf *out,
		   struct err *err);

/* -1: `body` is no AdmissionReview (`err` says why), and there is no answer. Else `out` is one, or
 * `outcome->waits`. */
int handler_mutate(const struct handler *handler, struct slice body, struct buf *out,
		   struct outcome *outcome, struct err *err);

#endif
