/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/lru.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

struct lru_entry {
	struct lru_entry *next_in_bucket;
	struct lru_entry *newer, *older;
	void *value;
	uint64_t hash;
	char key[];
};

/* FNV-1a. Not keyed: the number of entries is bounded, so a crowd in one bucket costs at most a walk
 * through all of them. */
static uint64_t hash_of(const char *key)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *key != '\0'; key++)
		hash = (hash ^ (unsigned char)*key) * UINT64_C(0x100000001b3);
	return hash;
}

struct lru lru_init(size_t max, void (*release)(void *value))
{
	size_t buckets_n = 16;

	assert(max >= 1);
	while (buckets_n < max)
		buckets_n *= 2;
	return (struct lru){
		.max = max,
		.buckets_n = buckets_n,
		.buckets = mem_calloc(buckets_n, sizeof(struct lru_entry *)),
		.release = release,
	};
}

/* The place that points to the entry of `key`, or to the NULL at its bucket's end. */
static struct lru_entry **find(struct lru *lru, const char *key, uint64_t hash)
{
	struct lru_entry **slot = &lru->buckets[hash & (lru->buckets_n - 1)];

	while (*slot != NULL && ((*slot)->hash != hash || strcmp((*slot)->key, key) != 0))
		slot = &(*slot)->next_in_bucket;
	return slot;
}

static void unlink_entry(struct lru *lru, struct lru_entry *entry)
{
	if (entry->newer != NULL)
		entry->newer->older = entry->older;
	else
		lru->newest = entry->older;
	if (entry->older != NULL)
		entry->older->newer = entry->newer;
	else
		lru->oldest = entry->newer;
}

static void make_newest(struct lru *lru, struct lru_entry *entry)
{
	entry->newer = NULL;
	entry->older = lru->newest;
	if (lru->newest != NULL)
		lru->newest->newer = entry;
	else
		lru->oldest = entry;
	lru->newest = entry;
}

static void remove_entry(struct lru *lru, struct lru_entry *entry)
{
	struct lru_entry **slot = &lru->buckets[entry->hash & (lru->buckets_n - 1)];

	while (*slot != entry)
		slot = &(*slot)->next_in_bucket;
	*slot = entry->next_in_bucket;
	unlink_entry(lru, entry);
	lru->n--;
	lru->release(entry->value);
	free(entry);
}

void *lru_get(struct lru *lru, const char *key)
{
	struct lru_entry *entry = *find(lru, key, hash_of(key));

	if (entry == NULL)
		return NULL;
	unlink_entry(lru, entry);
	make_newest(lru, entry);
	return entry->value;
}

void lru_remove(struct lru *lru, const char *key)
{
	struct lru_entry *entry = *find(lru, key, hash_of(key));

	if (entry != NULL)
		remove_entry(lru, entry);
}

void lru_put(struct lru *lru, const char *key, void *value)
{
	size_t n = strlen(key) + 1;

	lru_remove(lru, key);
	if (lru->n == lru->max) {
		remove_entry(lru, lru->oldest);
		lru->evicted++;
	}
	struct lru_entry *entry = mem_calloc(1, sizeof(*entry) + n);

	memcpy(entry->key, key, n);
	entry->hash = hash_of(key);
	entry->value = value;
	struct lru_entry **slot = find(lru, key, entry->hash);

	*slot = entry;
	make_newest(lru, entry);
	lru->n++;
}

void lru_done(struct lru *lru)
{
	struct lru_entry *newer;

	for (struct lru_entry *entry = lru->oldest; entry != NULL; entry = newer) {
		newer = entry->newer;
		lru->release(entry->value);
		free(entry);
	}
	free(lru->buckets);
	*lru = (struct lru){ 0 };
}
