/* SPDX-License-Identifier: Apache-2.0 */
/* kube_bell: watches one object, or the opted-in ones, and says that something may have changed; what, its listener reads itself. So
 * no event needs to be understood, and one that is lost does no harm. */
#ifndef WEBHOOK_KUBE_BELL_H
#define WEBHOOK_KUBE_BELL_H

#include <stdatomic.h>
#include <stdbool.h>

#include "lib/err.h"
#include "lib/log.h"

struct kube_bell_options {
	const char *server, *account; /* as struct kube_client */
	const char *folder; /* "/api/v1/namespaces/x/secrets" */
	/* In every namespace, where the folder is of none; NULL: of any name, with the label KEY_INJECTION. */
	const char *name;
	const struct log *log;
	void (*ring)(void *cls); /* on the bell's thread */
	void *cls;
	const atomic_bool *stop; /* once true, bells end: several at the same time */
};

struct kube_bell;

/* Rings for what is there, for each change, and when a watch ends. Texts are borrowed. */
int kube_bell_start(const struct kube_bell_options *options, struct kube_bell **out,
		    struct err *err);

/* Waits for its end, about a second after `stop` became true. NULL is fine. */
void kube_bell_free(struct kube_bell *bell);

#endif
