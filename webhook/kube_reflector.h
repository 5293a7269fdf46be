/* SPDX-License-Identifier: Apache-2.0 */
/* kube_reflector: follows the objects of one kind, of all namespaces, on a thread of its own: a list, then the
 * events behind it, and a list again where the API server has forgotten how it went on. Only their metadata is
 * asked for (PartialObjectMetadata): whoever fills an object to the brim costs no more than its labels and
 * annotations, and nothing is learnt of what is in it. */
#ifndef WEBHOOK_KUBE_REFLECTOR_H
#define WEBHOOK_KUBE_REFLECTOR_H

#include <stdatomic.h>
#include <stdbool.h>

#include "lib/err.h"
#include "lib/json.h"
#include "lib/log.h"
#include "webhook/kube_query.h"

enum kube_reflector_event {
	KUBE_REFLECTOR_LIST = 0, /* from here to the next one below: all that there is; no object */
	KUBE_REFLECTOR_LISTED, /* what was not told since is not there any more; no object */
	KUBE_REFLECTOR_SET,
	KUBE_REFLECTOR_DELETED,
};

struct kube_reflector_options {
	const char *server, *account; /* as struct kube_client */
	struct kube_query query;
	const char *what; /* for the log: "agent pods" */
	const struct log *log;
	/* On the reflector's thread. `metadata` is borrowed, and what it holds is not checked. */
	void (*tell)(void *cls, enum kube_reflector_event event, const json_t *metadata);
	void *cls;
	const atomic_bool *stop; /* once true, reflectors end: several at the same time */
	atomic_ullong *errors,
		*unreadable; /* counted up: what failed, and objects that were passed over */
};

struct kube_reflector;

/* Texts are borrowed. Signals must be blocked by the caller. */
int kube_reflector_start(const struct kube_reflector_options *options, struct kube_reflector **out,
			 struct err *err);

/* Waits for its end, about a second after `stop` became true. NULL is fine. */
void kube_reflector_free(struct kube_reflector *reflector);

#endif
