/* SPDX-License-Identifier: Apache-2.0 */
/* kube_request: what one request to the API server is, and what its answer means. Pure; kube_client
 * sends it. */
#ifndef WEBHOOK_KUBE_REQUEST_H
#define WEBHOOK_KUBE_REQUEST_H

#include <stdbool.h>

#include "lib/buf.h"
#include "lib/json.h"
#include "lib/rd.h"

/* Whose fields ours are in `metadata.managedFields`, unless a request says another. */
#define KUBE_FIELD_MANAGER "openshell-webhook"

enum {
	/* What etcd stores at most of one object (1.5 MiB), as JSON. */
	KUBE_ANSWER_MAX = 4 << 20,
	/* A server that asks for more patience than this is asked again all the same. */
	KUBE_RETRY_AFTER_MAX_MS = 60 * 1000,
};

enum kube_verb {
	KUBE_GET = 0,
	KUBE_CREATE, /* POST to the folder of the kind */
	KUBE_REPLACE, /* PUT; with a resourceVersion in the body it fails where somebody was faster */
	KUBE_PATCH_STRATEGIC,
	KUBE_PATCH_MERGE, /* RFC 7386 */
	KUBE_APPLY, /* server-side apply, forced: what others own of the fields becomes ours */
	KUBE_OFFER, /* the same, not forced: KUBE_CONFLICT where another owns a field that would change */
	KUBE_DELETE,
	KUBE_VERB_COUNT
};

struct kube_request {
	enum kube_verb verb;
	const char *target; /* path, and a query if there is one; escaped (kube_query) */
	struct slice body; /* JSON; empty for a GET, may be empty for a DELETE */
	const char *manager; /* NULL: KUBE_FIELD_MANAGER */
	long timeout_ms; /* for all of it */
};

enum kube_outcome {
	/* No whole answer: no connection, not verified, too slow, torn. Whether a write took place is
	 * not known. */
	KUBE_UNREACHED = 0,
	KUBE_DONE, /* 2xx */
	KUBE_ABSENT, /* 404 */
	KUBE_EXISTS, /* 409, of a KUBE_CREATE */
	KUBE_CONFLICT, /* 409: somebody was faster; read and decide anew */
	KUBE_GONE, /* 410: the version is too old to go on from */
	KUBE_BUSY, /* 429, 503, 504: ask again later */
	KUBE_FORBIDDEN, /* 401, 403 */
	KUBE_INVALID, /* any other 4xx: asked again it will be no better */
	KUBE_FAILED, /* any other status, or an answer that is none */
	KUBE_OUTCOME_COUNT
};

struct kube_answer {
	enum kube_outcome outcome;
	long status; /* 0 where none came */
	int64_t date_s; /* by the server's clock, in seconds since 1970; 0 where it does not say */
	int64_t retry_after_ms; /* 0 where the server does not say; at most KUBE_RETRY_AFTER_MAX_MS */
	json_t *object; /* of KUBE_DONE, else NULL */
};

void kube_answer_done(struct kube_answer *answer);

/* Wipes every text in `object`, which nobody else may hold, and drops it: for Secrets. NULL is fine. */
void kube_object_wipe(json_t **slot);

const char *kube_verb_method(enum kube_verb verb);

/* Of the body; NULL for a GET. */
const char *kube_verb_content_type(enum kube_verb verb);

/* The target with what belongs into the query of this verb. */
void kube_request_put_target(const struct kube_request *request, struct buf *out);

/* `reason`: of the Status in the body, or NULL. */
enum kube_outcome kube_outcome_of(long status, const char *reason);

/* A word for logs and metrics: "unreached", "done", "absent" … */
const char *kube_outcome_name(enum kube_outcome outcome);

#endif
