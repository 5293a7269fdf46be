/* SPDX-License-Identifier: Apache-2.0 */
/* image_facts: what an image says about how it is started. Shared between threads, so it is counted, and never
 * changed once it is made. */
#ifndef WEBHOOK_IMAGE_FACTS_H
#define WEBHOOK_IMAGE_FACTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"
#include "webhook/image_ref.h"

enum {
	/* Of all texts of one image: many images are kept (webhook/image_cache.h). */
	IMAGE_FACTS_MAX = 8 << 10,
	/* Entrypoint and arguments each, and volumes. */
	IMAGE_WORDS_MAX = 256,
};

struct image_words {
	char **items;
	size_t n;
};

struct image_facts {
	atomic_uint users;
	char digest
		[IMAGE_DIGEST_SIZE]; /* what the image's name led to; "" where that is not known */
	struct image_words entrypoint, cmd;
	struct image_words volumes; /* paths, as they were written */
	char *user; /* "", "name", "1000", "1000:1000" */
	char *working_dir; /* "" for none */
};

/* Empty ones, held once. */
struct image_facts *image_facts_new(void);

struct image_facts *image_facts_hold(struct image_facts *facts);

/* Frees with the last holder; NULL is fine. */
void image_facts_release(struct image_facts *facts);

/* For AUTO(). */
void image_facts_drop(struct image_facts **slot);

void image_words_add(struct image_words *words, const char *text);

/* Whether both start the same program in the same way; the digest aside. */
bool image_facts_agree(const struct image_facts *a, const struct image_facts *b);

#endif
