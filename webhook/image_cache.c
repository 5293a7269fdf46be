/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/image_cache.h"

#include <stdlib.h>

#include "lib/mem.h"

struct known {
	struct image_facts *facts;
	char *why; /* where there are none */
	enum err_code code;
	int64_t until_ms;
};

static void release(void *value)
{
	struct known *known = value;

	image_facts_release(known->facts);
	free(known->why);
	free(known);
}

struct image_cache image_cache_init(void)
{
	return (struct image_cache){ lru_init(IMAGE_CACHE_MAX, release) };
}

void image_cache_done(struct image_cache *cache)
{
	lru_done(&cache->lru);
}

bool image_cache_find(struct image_cache *cache, const char *key, int64_t now_ms,
		      struct image_facts **out_facts, struct err *out_err)
{
	const struct known *known = lru_get(&cache->lru, key);

	if (known == NULL || known->until_ms <= now_ms)
		return false;
	*out_facts = known->facts != NULL ? image_facts_hold(known->facts) : NULL;
	if (known->facts == NULL)
		err_set(out_err, known->code, "%s", known->why);
	return true;
}

void image_cache_put(struct image_cache *cache, const char *key, struct image_facts *facts,
		     const struct err *err, int64_t until_ms)
{
	struct known *known = mem_calloc(1, sizeof(*known));

	*known = (struct known){
		.facts = facts != NULL ? image_facts_hold(facts) : NULL,
		.why = facts == NULL ? mem_strdup(err->msg) : NULL,
		.code = facts == NULL ? err->code : ERR_NONE,
		.until_ms = until_ms,
	};
	lru_put(&cache->lru, key, known);
}
