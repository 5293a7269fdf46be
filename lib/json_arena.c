/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/json_arena.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/mem.h"

enum {
	/* What the values of a review of 8 KiB take, and some. */
	FIRST_SIZE = 128 * 1024,
	CHUNK_SIZE = 512 * 1024,
	CHUNKS_SMALL = 8,
	/* Behind them. So large that malloc() maps it, whatever came before: only what is written takes memory,
	 * which goes back to the kernel at the end; and there are few to look through. */
	CHUNK_SIZE_LARGE = 64 << 20,
	ALIGN = alignof(max_align_t),
};

struct chunk {
	struct chunk *next;
	size_t size;
	alignas(max_align_t) uint8_t bytes[];
};

static _Thread_local struct {
	bool active;
	uint8_t *free, *end; /* of the chunk in use */
	struct chunk *chunks; /* beyond the first */
	size_t n_chunks;
	alignas(max_align_t) uint8_t first[FIRST_SIZE];
} arena;

static bool is_in_arena(const uint8_t *p)
{
	if (p >= arena.first && p < arena.first + FIRST_SIZE)
		return true;
	for (const struct chunk *chunk = arena.chunks; chunk != NULL; chunk = chunk->next)
		if (p >= chunk->bytes && p < chunk->bytes + chunk->size)
			return true;
	return false;
}

static void add_chunk(size_t n)
{
	size_t usual = arena.n_chunks < CHUNKS_SMALL ? CHUNK_SIZE : CHUNK_SIZE_LARGE;
	size_t size = n > usual ? n : usual;
	struct chunk *chunk = mem_realloc(NULL, 1, sizeof(*chunk) + size);

	chunk->next = arena.chunks;
	chunk->size = size;
	arena.chunks = chunk;
	arena.n_chunks++;
	arena.free = chunk->bytes;
	arena.end = chunk->bytes + size;
}

static void *take(size_t n)
{
	if (!arena.active)
		return mem_realloc(NULL, 1, n);
	if (n > SIZE_MAX - CHUNK_SIZE)
		return NULL;
	n = (n + ALIGN - 1) / ALIGN * ALIGN;
	if (n > (size_t)(arena.end - arena.free))
		add_chunk(n);
	uint8_t *p = arena.free;
	arena.free += n;
	return p;
}

static void give_back(void *p)
{
	if (!arena.active || !is_in_arena(p))
		free(p);
}

void json_arena_init(void)
{
	json_set_alloc_funcs(take, give_back);
}

void json_arena_begin(void)
{
	arena.free = arena.first;
	arena.end = arena.first + FIRST_SIZE;
	arena.active = true;
}

void json_arena_end(void)
{
	while (arena.chunks != NULL) {
		struct chunk *next = arena.chunks->next;

		free(arena.chunks);
		arena.chunks = next;
	}
	arena.n_chunks = 0;
	arena.active = false;
}

void json_arena_drop(json_t *root)
{
	if (!arena.active || !is_in_arena((const uint8_t *)root))
		json_decref(root);
}
