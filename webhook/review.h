/* SPDX-License-Identifier: Apache-2.0 */
/* review: an AdmissionReview (admission.k8s.io/v1) as the API server sends it, decoded. */
#ifndef WEBHOOK_REVIEW_H
#define WEBHOOK_REVIEW_H

#include <stdbool.h>

#include "lib/err.h"
#include "lib/json.h"
#include "lib/rd.h"

/* A uid is 36 characters; ours is what we echo, so it is bounded. */
enum { REVIEW_UID_MAX = 128 };

struct review {
	json_t *root; /* everything below borrows from it */
	const char *uid;
	const char *operation; /* CREATE, UPDATE, DELETE, CONNECT */
	const char *group, *resource, *subresource; /* "" where absent */
	const char *namespace_name; /* of the request, else of the object, else "" */
	const char *name; /* of the request; "" where absent */
	const char *username; /* "" where absent */
	json_t *object; /* NULL where the request has none */
	json_t *old_object; /* what an UPDATE would replace, else NULL */
};

/* ERR_INVALID names the field. A decoded review is always answered, also where its object is
 * nonsense: that is the business of pod_check(). review_done() releases. */
int review_decode(struct slice body, struct review *out, struct err *err);
void review_done(struct review *review);

bool review_is_pod(const struct review *review);

/* Whether something is started in a pod, or reached, by its `subresource` ("exec", "attach"). */
bool review_is_connect(const struct review *review, const char *subresource);

/* A mirror pod shows one that a node runs from its own files: refusing it would only hide it. */
bool review_is_mirror(const struct review *review);

#endif
