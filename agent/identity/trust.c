/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/identity/trust.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/mem.h"

struct trust_program {
	uint8_t *path;
	size_t path_n;
	struct fingerprint fingerprint;
	uint8_t digest[TRUST_DIGEST_SIZE];
	bool settled, violated;
};

void trust_done(struct trust *trust)
{
	for (size_t i = 0; i < trust->n; i++)
		free(trust->programs[i].path);
	free(trust->programs);
	*trust = (struct trust){ 0 };
}

/* FNV-1a. Chosen paths can make a search long, but no longer than the table. */
static uint32_t hash(struct slice path)
{
	uint32_t h = 2166136261U;

	for (size_t i = 0; i < path.n; i++)
		h = (h ^ path.p[i]) * 16777619U;
	return h;
}

/* The slot of `path`: its own, or the free one where it belongs. Twice as many slots as programs, so
 * one is always free. */
static size_t find_slot(const struct trust *trust, struct slice path)
{
	size_t slot = hash(path) % ARRAY_LEN(trust->slots);

	for (; trust->slots[slot] != 0; slot = (slot + 1) % ARRAY_LEN(trust->slots)) {
		const struct trust_program *program = &trust->programs[trust->slots[slot] - 1];

		if (program->path_n == path.n && memcmp(program->path, path.p, path.n) == 0)
			break;
	}
	return slot;
}

static bool fingerprints_equal(const struct fingerprint *a, const struct fingerprint *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

enum trust_verdict trust_check(const struct trust *trust, struct slice path,
			       const struct fingerprint *fingerprint)
{
	uint16_t index = trust->slots[find_slot(trust, path)];

	if (index == 0)
		return TRUST_UNREAD;
	const struct trust_program *program = &trust->programs[index - 1];
	if (program->violated)
		return TRUST_VIOLATED;
	return program->settled && fingerprints_equal(&program->fingerprint, fingerprint)
		       ? TRUST_KNOWN
		       : TRUST_UNREAD;
}

static struct trust_program *add(struct trust *trust, struct slice path, size_t slot,
				 const uint8_t digest[TRUST_DIGEST_SIZE])
{
	if (trust->n == TRUST_PROGRAMS_MAX || path.n > TRUST_PATH_BYTES_MAX - trust->path_bytes)
		return NULL;
	trust->programs =
		mem_grow(trust->programs, trust->n, &trust->cap, sizeof(*trust->programs));
	struct trust_program *program = &trust->programs[trust->n++];
	*program = (struct trust_program){ .path = mem_calloc(path.n, 1), .path_n = path.n };
	memcpy(program->path, path.p, path.n);
	memcpy(program->digest, digest, TRUST_DIGEST_SIZE);
	trust->path_bytes += path.n;
	trust->slots[slot] = (uint16_t)trust->n;
	return program;
}

bool trust_forget(struct trust *trust, bool (*is_kept)(const void *context, struct slice path),
		  const void *context)
{
	size_t had = trust->n;

	trust->n = trust->path_bytes = 0;
	memset(trust->slots, 0, sizeof(trust->slots));
	for (size_t i = 0; i < had; i++) {
		struct trust_program program = trust->programs[i];
		struct slice path = { program.path, program.path_n };

		if (!is_kept(context, path)) {
			free(program.path);
			continue;
		}
		trust->programs[trust->n++] = program;
		trust->path_bytes += path.n;
		trust->slots[find_slot(trust, path)] = (uint16_t)trust->n;
	}
	return trust->n < had;
}

enum trust_verdict trust_learn(struct trust *trust, struct slice path,
			       const struct fingerprint *fingerprint,
			       const uint8_t digest[TRUST_DIGEST_SIZE], bool settled)
{
	size_t slot = find_slot(trust, path);
	uint16_t index = trust->slots[slot];
	struct trust_program *program =
		index != 0 ? &trust->programs[index - 1] : add(trust, path, slot, digest);

	if (program == NULL)
		return TRUST_FULL;
	if (memcmp(program->digest, digest, TRUST_DIGEST_SIZE) != 0)
		program->violated = true;
	if (program->violated)
		return TRUST_VIOLATED;
	program->fingerprint = *fingerprint;
	program->settled = settled;
	return TRUST_KNOWN;
}
