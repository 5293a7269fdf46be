/* SPDX-License-Identifier: Apache-2.0 */
/* image_cache: what registries said lately, by text. What a digest leads to never changes, what a tag leads to may;
 * that something failed is kept so long that who tries again at once asks nobody. Pure: the clock is a parameter. */
#ifndef WEBHOOK_IMAGE_CACHE_H
#define WEBHOOK_IMAGE_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/lru.h"
#include "webhook/image_facts.h"

enum {
	/* Each is IMAGE_FACTS_MAX and 768 words at most: 7 MiB where every image were made for it. */
	IMAGE_CACHE_MAX = 256,
	/* Long enough that the replicas of one Deployment ask once. */
	IMAGE_CACHE_TAG_MS = 60 * 1000,
	IMAGE_CACHE_DIGEST_MS = 60 * 60 * 1000,
	/* Controllers that make pods try again within seconds. */
	IMAGE_CACHE_FAILURE_MS = 10 * 1000,
};

struct image_cache {
	struct lru lru;
};

struct image_cache image_cache_init(void);
void image_cache_done(struct image_cache *cache);

/* False: nothing is known. Else `*out_facts` is held for the caller, or NULL where asking failed as `out_err` says. */
bool image_cache_find(struct image_cache *cache, const char *key, int64_t now_ms,
		      struct image_facts **out_facts, struct err *out_err);

/* In place of what was known. `facts` NULL: asking failed as `err` says; else it is held. */
void image_cache_put(struct image_cache *cache, const char *key, struct image_facts *facts,
		     const struct err *err, int64_t until_ms);

#endif
