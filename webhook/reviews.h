/* SPDX-License-Identifier: Apache-2.0 */
/* reviews: requests for a review, from their head to their answer: how much of their bodies is taken, what is known
 * while they are judged, and the sleep of those for which a pod or an image has to be asked for first. */
#ifndef WEBHOOK_REVIEWS_H
#define WEBHOOK_REVIEWS_H

#include <microhttpd.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"
#include "lib/log.h"
#include "webhook/config.h"
#include "webhook/image_resolver.h"
#include "webhook/metrics.h"
#include "webhook/namespaces.h"

struct reviews;
struct reviewer; /* what answers at one path */
struct request;

/* Borrowed, texts too. */
struct reviews_options {
	const struct webhook_config *config;
	const struct log *log;
	const char *kubernetes, *account; /* as struct kube_client, to ask for pods; NULL: none */
	const struct image_resolver_options *images; /* NULL: registries are not asked */
	struct metrics *metrics;
	const atomic_bool *draining; /* each answer closes its connection */
};

int reviews_start(const struct reviews_options *options, struct reviews **out, struct err *err);

/* As server_set_namespaces() and server_set_kubernetes(). */
void reviews_set_namespaces(struct reviews *reviews, struct namespaces *fresh);
void reviews_set_kubernetes(struct reviews *reviews, struct kube_version version);

/* As server_share_namespaces(). */
void reviews_share_namespaces(struct reviews *reviews, struct namespaces *out);

/* How many namespaces are known; false before the first were set. */
bool reviews_is_informed(const struct reviews *reviews);
size_t reviews_namespaces(struct reviews *reviews);

/* NULL: no reviews are asked for at `path`. */
const struct reviewer *reviews_find(const char *path);

/* Once a request's head is there. `out` stays NULL where it was answered already. */
enum MHD_Result reviews_begin(struct reviews *reviews, struct MHD_Connection *connection,
			      const struct reviewer *reviewer, const char *method,
			      struct request **out);

/* For each piece of its body, once more at its end, and once more after a sleep. */
enum MHD_Result reviews_go_on(struct MHD_Connection *connection, const char *data, size_t *n,
			      struct request *request);

/* When the library is done with it. */
void reviews_end(struct request *request);

/* For /metrics. */
void reviews_put_metrics(struct reviews *reviews, struct buf *out);

/* Requests that have not come to their end. */
int reviews_under_way(const struct reviews *reviews);

/* Wakes those that sleep, and answers; from now on none goes to sleep, and is told that too many ask. */
void reviews_wake(struct reviews *reviews);

/* After the last request has come to its end. NULL is fine. */
void reviews_free(struct reviews *reviews);

#endif
