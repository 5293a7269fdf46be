/* SPDX-License-Identifier: Apache-2.0 */
/* image_fetch: asks a registry (OCI distribution) what an image says about how it is started. What it gives has the digest
 * that led to it, by our own count, and where nodes of several architectures could run the pod all of their images
 * must start alike. Blocks: for threads that look images up. */
#ifndef WEBHOOK_IMAGE_FETCH_H
#define WEBHOOK_IMAGE_FETCH_H

#include <stdint.h>

#include "webhook/image_facts.h"
#include "webhook/image_logins.h"
#include "webhook/image_manifest.h"
#include "webhook/image_net.h"
#include "webhook/image_ref.h"

/* Longer than a review waits: what came too late for it is known to the next one. */
enum { IMAGE_FETCH_BUDGET_MS = 5000 };

struct image_fetch {
	const struct image_net_options *net;
	const struct image_ref *ref;
	const struct image_arches *arches;
	const struct image_login *login; /* NULL: nobody in particular asks */
};

/* The caller releases `*out`, whose digest is that of what the name leads to. `err` says what is wrong in words that
 * follow the image's name. */
int image_fetch(const struct image_fetch *fetch, struct image_facts **out, struct err *err);

#endif
