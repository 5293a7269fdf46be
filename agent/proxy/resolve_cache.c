/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/resolve_cache.h"

#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

struct resolve_cached {
	struct resolve_cached *next_in_bucket;
	struct resolve_cached **link; /* what points to this one in its bucket */
	struct resolve_cached *newer, *older;
	int64_t until_ms;
	struct resolve_addresses addresses;
	size_t name_n;
	char name[];
};

/* FNV-1a. Chosen names can make one bucket long, but no longer than the cache. */
static struct resolve_cached **bucket_of(struct resolve_cache *cache, const char *name, size_t n)
{
	uint32_t h = 2166136261U;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)name[i]) * 16777619U;
	return &cache->buckets[h % RESOLVE_CACHE_BUCKETS];
}

static void unlink_entry(struct resolve_cache *cache, struct resolve_cached *entry)
{
	*(entry->newer != NULL ? &entry->newer->older : &cache->newest) = entry->older;
	*(entry->older != NULL ? &entry->older->newer : &cache->oldest) = entry->newer;
}

static void link_newest(struct resolve_cache *cache, struct resolve_cached *entry)
{
	entry->newer = NULL;
	entry->older = cache->newest;
	*(cache->newest != NULL ? &cache->newest->newer : &cache->oldest) = entry;
	cache->newest = entry;
}

static void drop(struct resolve_cache *cache, struct resolve_cached *entry)
{
	*entry->link = entry->next_in_bucket;
	if (entry->next_in_bucket != NULL)
		entry->next_in_bucket->link = entry->link;
	unlink_entry(cache, entry);
	cache->n--;
	free(entry);
}

void resolve_cache_done(struct resolve_cache *cache)
{
	while (cache->oldest != NULL)
		drop(cache, cache->oldest);
}

static struct resolve_cached *find(struct resolve_cache *cache, const struct resolve_name *name)
{
	struct resolve_cached *entry = *bucket_of(cache, name->text, name->n);

	while (entry != NULL &&
	       (entry->name_n != name->n || memcmp(entry->name, name->text, name->n) != 0))
		entry = entry->next_in_bucket;
	return entry;
}

const struct resolve_addresses *resolve_cache_find(struct resolve_cache *cache,
						   const struct resolve_name *name, int64_t now_ms)
{
	struct resolve_cached *entry = find(cache, name);

	if (entry == NULL)
		return NULL;
	if (entry->until_ms <= now_ms) {
		drop(cache, entry);
		return NULL;
	}
	unlink_entry(cache, entry);
	link_newest(cache, entry);
	return &entry->addresses;
}

void resolve_cache_put(struct resolve_cache *cache, const struct resolve_name *name,
		       const struct resolve_addresses *addresses, int64_t until_ms)
{
	struct resolve_cached *entry = find(cache, name);
	struct resolve_cached **bucket = bucket_of(cache, name->text, name->n);

	if (entry != NULL)
		drop(cache, entry);
	if (cache->n == RESOLVE_CACHE_MAX)
		drop(cache, cache->oldest);
	entry = mem_calloc(1, sizeof(*entry) + name->n);
	entry->until_ms = until_ms;
	entry->addresses = *addresses;
	entry->name_n = name->n;
	memcpy(entry->name, name->text, name->n);
	entry->next_in_bucket = *bucket;
	entry->link = bucket;
	if (*bucket != NULL)
		(*bucket)->link = &entry->next_in_bucket;
	*bucket = entry;
	link_newest(cache, entry);
	cache->n++;
}
