/* SPDX-License-Identifier: Apache-2.0 */
/* Found by going through all hashes, which takes less than a microsecond when the cache is full: no
 * chosen names make it slower. */
#include "agent/proxy/resolve_cache.h"

#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

struct resolve_cached {
	int64_t until_ms;
	size_t n;
	size_t name_n;
	/* So many and no more, as most names have one or two; then the name. */
	struct address addresses[];
};

static char *name_of(struct resolve_cached *entry)
{
	return (char *)(entry->addresses + entry->n);
}

/* FNV-1a. */
static uint32_t hash(const struct resolve_name *name)
{
	uint32_t h = 2166136261U;

	for (size_t i = 0; i < name->n; i++)
		h = (h ^ (uint8_t)name->text[i]) * 16777619U;
	return h;
}

/* The place of `name`, or `cache->n`. */
static size_t find(const struct resolve_cache *cache, const struct resolve_name *name)
{
	uint32_t wanted = hash(name);

	for (size_t i = 0; i < cache->n; i++) {
		struct resolve_cached *entry = cache->entries[i];

		if (cache->hashes[i] == wanted && entry->name_n == name->n &&
		    memcmp(name_of(entry), name->text, name->n) == 0)
			return i;
	}
	return cache->n;
}

/* The last one takes the place. */
static void drop(struct resolve_cache *cache, size_t at)
{
	size_t last = --cache->n;

	free(cache->entries[at]);
	cache->entries[at] = cache->entries[last];
	cache->hashes[at] = cache->hashes[last];
	cache->used[at] = cache->used[last];
}

void resolve_cache_done(struct resolve_cache *cache)
{
	while (cache->n > 0)
		drop(cache, cache->n - 1);
}

static size_t oldest(const struct resolve_cache *cache)
{
	size_t at = 0;

	for (size_t i = 1; i < cache->n; i++)
		if (cache->used[i] < cache->used[at])
			at = i;
	return at;
}

bool resolve_cache_find(struct resolve_cache *cache, const struct resolve_name *name,
			int64_t now_ms, struct resolve_addresses *out)
{
	size_t at = find(cache, name);

	if (at == cache->n)
		return false;
	const struct resolve_cached *entry = cache->entries[at];

	if (entry->until_ms <= now_ms) {
		drop(cache, at);
		return false;
	}
	cache->used[at] = ++cache->uses;
	memcpy(out->items, entry->addresses, entry->n * sizeof(*entry->addresses));
	out->n = entry->n;
	return true;
}

void resolve_cache_put(struct resolve_cache *cache, const struct resolve_name *name,
		       const struct resolve_addresses *addresses, int64_t until_ms)
{
	size_t at = find(cache, name);

	if (at < cache->n)
		drop(cache, at);
	if (cache->n == RESOLVE_CACHE_MAX)
		drop(cache, oldest(cache));
	size_t bytes = addresses->n * sizeof(*addresses->items);
	struct resolve_cached *entry = mem_calloc(1, sizeof(*entry) + bytes + name->n);

	entry->until_ms = until_ms;
	entry->n = addresses->n;
	entry->name_n = name->n;
	memcpy(entry->addresses, addresses->items, bytes);
	memcpy(name_of(entry), name->text, name->n);
	at = cache->n++;
	cache->entries[at] = entry;
	cache->hashes[at] = hash(name);
	cache->used[at] = ++cache->uses;
}
