/* SPDX-License-Identifier: Apache-2.0 */
/* lru: values by text, at most so many; the one that was used longest ago makes room for a new one. */
#ifndef LIB_LRU_H
#define LIB_LRU_H

#include <stddef.h>
#include <stdint.h>

struct lru_entry;

/* Zeroed: not in use. */
struct lru {
	size_t n, max, buckets_n;
	uint64_t evicted; /* how many ever made room */
	struct lru_entry **buckets;
	struct lru_entry *newest, *oldest;
	void (*release)(void *value);
};

/* `max` >= 1. `release` is called for each value that is evicted, replaced, removed or left at the end. */
struct lru lru_init(size_t max, void (*release)(void *value));
void lru_done(struct lru *lru);

/* The value of `key`, which becomes the newest; NULL if none. Borrowed until the next lru_put(). */
void *lru_get(struct lru *lru, const char *key);

/* Takes over `value`, in place of what `key` had. */
void lru_put(struct lru *lru, const char *key, void *value);

void lru_remove(struct lru *lru, const char *key);

#endif
