/* SPDX-License-Identifier: Apache-2.0 */
/* kube_informer: keeps a copy of the opted-in namespaces up to date with the API server: a list, then
 * the events behind it, for as long as the program runs; and asks which version it is. What is known stays in use while the API
 * server cannot be reached. */
#ifndef WEBHOOK_KUBE_INFORMER_H
#define WEBHOOK_KUBE_INFORMER_H

#include "lib/err.h"
#include "lib/log.h"
#include "webhook/kube_version.h"
#include "webhook/namespaces.h"

/* Takes over `fresh`. Called on the informer's thread. */
typedef void (*kube_publish_fn)(void *cls, struct namespaces *fresh);

/* Called on the informer's thread, before namespaces
 * are published for the first time, and now and then. */
typedef void (*kube_version_fn)(void *cls, struct kube_version version);

struct kube_informer_options {
	const char *server, *account; /* as struct kube_client */
	const struct log *log;
	kube_publish_fn publish;
	kube_version_fn publish_version;
	void *cls;
};

struct kube_informer;

/* Starts the thread; nothing has been published when this returns. Texts are borrowed. Signals must be
 * blocked by the caller. */
int kube_informer_start(const struct kube_informer_options *options, struct kube_informer **out,
			struct err *err);

/* Waits for the thread, about a second. NULL is fine. */
void kube_informer_stop(struct kube_informer *informer);

#endif
