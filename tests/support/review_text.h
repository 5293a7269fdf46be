/* SPDX-License-Identifier: Apache-2.0 */
/* review_text: AdmissionReviews as the API server writes them, and what came back. For tests only. */
#ifndef TESTS_SUPPORT_REVIEW_TEXT_H
#define TESTS_SUPPORT_REVIEW_TEXT_H

#include "lib/json.h"
#include "webhook/handler.h"

#define REVIEW_UID "0b1c6b4e-5d0a-4c43-9d43-6b1f6c7d9a10"

/* CREATE of `pod`, in the namespace that it names. */
void review_text(json_t *pod, struct buf *out);

/* UPDATE of `old_pod` to `pod`. */
void review_update_text(json_t *old_pod, json_t *pod, struct buf *out);

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

/* The whole way for one pod: text, handler, answer. */
int review_pod(const struct handler *handler, json_t *pod, struct review_answer *out,
	       struct err *err);
int review_update(const struct handler *handler, json_t *old_pod, json_t *pod,
		  struct review_answer *out, struct err *err);

#endif
