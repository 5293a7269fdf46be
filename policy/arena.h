/* SPDX-License-Identifier: Apache-2.0 */
/* arena: zeroed memory that is released all at once, for trees whose parts live and die together.
 * A zeroed arena is empty. */
#ifndef POLICY_ARENA_H
#define POLICY_ARENA_H

#include <stddef.h>

#include "lib/rd.h"

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks;
	char *next;
	size_t left, chunk_size;
};

/* `n` zeroed elements of `size` bytes, aligned for any type; never NULL. */
__attribute__((returns_nonnull)) void *arena_alloc(struct arena *arena, size_t n, size_t size);

/* A copy with a NUL behind it. */
__attribute__((returns_nonnull)) char *arena_copy(struct arena *arena, struct slice text);

void arena_done(struct arena *arena);

#endif
