/* SPDX-License-Identifier: Apache-2.0 */
/* image_resolver: asks registries on threads of its own, each image once for all who want to know, and keeps what it
 * learnt. Reviews that wait are told; none of their threads ever waits here. Whoever makes a pod chooses which server is
 * asked, so every number is bounded: at once, for one server, for one namespace. */
#ifndef WEBHOOK_IMAGE_RESOLVER_H
#define WEBHOOK_IMAGE_RESOLVER_H

#include "lib/err.h"
#include "webhook/image_grants.h"
#include "webhook/image_login_files.h"
#include "webhook/image_net.h"
#include "webhook/image_wants.h"

enum {
	IMAGE_THREADS = 8,
	/* Images that are asked about, or wait for it. */
	IMAGE_JOBS_MAX = 64,
	/* Of one namespace: others find room whatever it does. */
	IMAGE_JOBS_OF_NAMESPACE_MAX = IMAGE_WANTS_MAX,
	IMAGE_THREADS_OF_NAMESPACE_MAX = 4,
	/* A registry that hangs holds up no more than these. */
	IMAGE_THREADS_OF_SERVER_MAX = 2,
	/* Of the time that the API server gives a review. Asking goes on: who tries again is answered at once. */
	IMAGE_WAIT_MS = 1000,
};

struct image_resolver;

/* What is referred to is borrowed. */
struct image_resolver_options {
	struct image_net_options net; /* its `stop` is ours */
	struct image_login_files *logins; /* NULL: none */
	const struct image_grants *grants; /* for whose pods they are used */
};

/* Signals must be blocked by the caller; kube_client_init() came before. */
int image_resolver_start(const struct image_resolver_options *options, struct image_resolver **out,
			 struct err *err);

/* Fills in what is known without asking. True: nothing is open. */
bool image_resolver_try(struct image_resolver *resolver, struct image_wants *wants);

/* Asks for what is open, and calls `done` once, from a thread of ours: when all is known, or after IMAGE_WAIT_MS, where
 * what is still open is filled in as failed. Until then `wants` is ours. */
void image_resolver_wait(struct image_resolver *resolver, struct image_wants *wants,
			 void (*done)(void *cls), void *cls);

/* For /metrics. */
void image_resolver_put_metrics(struct image_resolver *resolver, struct buf *out);

/* Ends what is under way and tells everybody who waits; who comes later is told at once. May be called again. */
void image_resolver_stop(struct image_resolver *resolver);

/* image_resolver_stop(), and frees: once nobody asks any more. NULL is fine. */
void image_resolver_free(struct image_resolver *resolver);

#endif
