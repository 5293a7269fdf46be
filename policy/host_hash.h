/* SPDX-License-Identifier: Apache-2.0 */
/* host_hash: the hash that builder and look-up of the host index share. */
#ifndef POLICY_HOST_HASH_H
#define POLICY_HOST_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "lib/rd.h"

static inline uint64_t host_hash_word(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
	return hash ^ hash >> 29;
}

/* Takes the label that ends at `*end` into `*hash`, eight characters at a time, and gives the suffix
 * that begins with it. Labels go in from the last to the first: the hash of a suffix is on the way to
 * the hash of the whole. */
static inline struct slice host_take_label(struct slice host, size_t *end, uint64_t *hash)
{
	size_t start = *end;
	uint64_t word = 0;

	while (start > 0 && host.p[start - 1] != '.') {
		word = word << 8 | host.p[--start];
		if ((*end - start) % sizeof(word) == 0) {
			*hash = host_hash_word(*hash, word);
			word = 0;
		}
	}
	*hash = host_hash_word(*hash, word);
	*end = start > 0 ? start - 1 : 0;
	return (struct slice){ host.p + start, host.n - start };
}

/* Spreads all bits into the upper ones, which choose the slot. */
static inline uint64_t host_hash_end(uint64_t hash)
{
	hash ^= hash >> 32;
	return hash * 0x9e3779b97f4a7c15ULL;
}

/* A slot holds the number of a node (from 1; 0 is free) and the hash's lower half as a check. */
static inline uint64_t host_slot(uint64_t hash, size_t node)
{
	return hash << 32 | (uint32_t)node;
}

/* The bit of suffixes of so many labels in `host_index.depths`. */
static inline uint64_t host_depth_bit(size_t labels)
{
	return 1ULL << (labels < 63 ? labels : 63);
}

#endif
