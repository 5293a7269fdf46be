/* SPDX-License-Identifier: Apache-2.0 */
/* image_net: single requests to servers that whoever makes a pod, or a registry, has chosen. Each address is judged
 * when it is dialled (image_hosts), no redirect is followed, no proxy variable is read, and every answer is bounded.
 * Calls block: they are for threads that look images up. */
#ifndef WEBHOOK_IMAGE_NET_H
#define WEBHOOK_IMAGE_NET_H

#include <stdatomic.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "webhook/image_hosts.h"

/* Borrowed. */
struct image_net_options {
	const struct image_hosts *hosts;
	const char *roots; /* a file (PEM) whom to trust; NULL: the system's */
	const atomic_bool *stop; /* ends a request within about a second; NULL: nothing does */
};

/* Connections to the servers that one image leads to. */
struct image_net;

struct image_request {
	const char *url;
	const char *accept; /* NULL: anything */
	const char *authorization; /* the value of the header; NULL or "": none */
	size_t body_max;
	const char *form; /* sent by POST; NULL: a GET */
};

struct image_answer {
	long status;
	struct buf body;
	struct buf challenge; /* of 401: every WWW-Authenticate */
	struct buf location; /* of a redirect */
};

void image_answer_done(struct image_answer *answer);

/* All requests together last at most `budget_ms` from now. kube_client_init() came before. */
int image_net_new(const struct image_net_options *options, int64_t budget_ms,
		  struct image_net **out, struct err *err);
void image_net_free(struct image_net *net);

/* 0: there is an answer, of any status; the caller ends with image_answer_done(), also after -1. ERR_DENIED: the
 * server may not be asked. ERR_TIMEOUT, ERR_LIMIT: too slow, too long. */
int image_net_ask(struct image_net *net, const struct image_request *request,
		  struct image_answer *out, struct err *err);

#endif
