/* SPDX-License-Identifier: Apache-2.0 */
/* review_text: AdmissionReviews as the API server writes them, and what came back. For tests only. */
#ifndef TESTS_SUPPORT_REVIEW_TEXT_H
#define TESTS_SUPPORT_REVIEW_TEXT_H

#include "lib/json.h"
#include "webhook/handler.h"

#define REVIEW_UID "0b1c6b4e-5d0a-4c43-9d43-6b1f6c7d9a10"

/* What is asked; no text is NULL. The objects are borrowed, and NULL for none. */
struct review_ask {
	const char *group, *resource, *subresource, *operation, *namespace_name, *name;
	json_t *object, *old_object;
	const char *user; /* NULL: the controller of ReplicaSets */
};

/* CREATE of `pod`, in the namespace that it names. */
struct review_ask review_of_pod(json_t *pod);

void review_text(const struct review_ask *ask, struct buf *out);

/* An answer, taken apart; review_answer_done() releases. */
struct review_answer {
	json_t *root;
	bool allowed;
	const char *uid, *message; /* message: "" where allowed */
	const json_t *warnings; /* NULL for none */
	json_t *patch; /* an array, empty for none; owned */
};

/* ERR_INVALID where `text` is no answer that an API server would take. */
int review_answer_parse(struct slice text, struct review_answer *out, struct err *err);
void review_answer_done(struct review_answer *answer);

/* One problem, and one warning, a line. */
void review_answer_put_message(const struct review_answer *answer, struct buf *out);
void review_answer_put_warnings(const struct review_answer *answer, struct buf *out);

/* handler_mutate() or validate(). */
typedef int review_function(const struct handler *handler, struct slice body, struct buf *out,
			    struct outcome *outcome, struct err *err);

/* The whole way: text, handler, answer. */
int review_answer(const struct handler *handler, review_function *answer_body,
		  const struct review_ask *ask, struct review_answer *out, struct err *err);

/* The same for a new pod and /mutate. */
int review_pod(const struct handler *handler, json_t *pod, struct review_answer *out,
	       struct err *err);

#endif
