/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

enum {
	/* A small policy touches few pages at start-up; a large one soon gets large chunks. */
	CHUNK_FIRST = 4 * 1024,
	CHUNK_MAX = 64 * 1024,
	ALIGN = _Alignof(max_align_t),
};

struct arena_chunk {
	struct arena_chunk *next;
	max_align_t bytes[];
};

static void *new_chunk(struct arena *arena, size_t size)
{
	struct arena_chunk *chunk = mem_calloc(1, sizeof(*chunk) + size);

	chunk->next = arena->chunks;
	arena->chunks = chunk;
	return chunk->bytes;
}

void *arena_alloc(struct arena *arena, size_t n, size_t size)
{
	/* Sizes come from counts of nodes, which are capped; a wrap would be our bug. */
	if (size > 0 && n > (SIZE_MAX / 2 - ALIGN) / size)
		abort();
	/* Never nothing, so that two results are never the same. */
	size_t bytes = (n * size + ALIGN) / ALIGN * ALIGN;

	if (bytes > CHUNK_FIRST / 4)
		return new_chunk(arena, bytes);
	if (bytes > arena->left) {
		if (arena->chunk_size < CHUNK_MAX)
			arena->chunk_size =
				arena->chunk_size > 0 ? arena->chunk_size * 2 : CHUNK_FIRST;
		arena->next = new_chunk(arena, arena->chunk_size);
		arena->left = arena->chunk_size;
	}
	char *p = arena->next;
	arena->next += bytes;
	arena->left -= bytes;
	return p;
}

char *arena_copy(struct arena *arena, struct slice text)
{
	char *copy = arena_alloc(arena, text.n + 1, 1);

	if (text.n > 0)
		memcpy(copy, text.p, text.n);
	return copy;
}

void arena_done(struct arena *arena)
{
	while (arena->chunks != NULL) {
		struct arena_chunk *chunk = arena->chunks;

		arena->chunks = chunk->next;
		free(chunk);
	}
	*arena = (struct arena){ 0 };
}
