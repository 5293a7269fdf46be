/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/identity/trust.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/mem.h"

struct trust_program {
	struct root root;
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
static uint32_t hash_more(uint32_t h, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 16777619U;
	return h;
}

static bool is_of(const struct trust_program *program, const struct trust_key *key)
{
	return root_equals(&program->root, &key->root) && program->path_n == key->path.n &&
	       memcmp(program->path, key->path.p, key->path.n) == 0;
}

/* The slot of `key`: its own, or the free one where it belongs. Twice as many slots as programs, so
 * one is always free. */
static size_t find_slot(const struct trust *trust, const struct trust_key *key)
{
	uint32_t h = hash_more(2166136261U, &key->root, sizeof(key->root));
	size_t slot = hash_more(h, key->path.p, key->path.n) % ARRAY_LEN(trust->slots);

	while (trust->slots[slot] != 0 && !is_of(&trust->programs[trust->slots[slot] - 1], key))
		slot = (slot + 1) % ARRAY_LEN(trust->slots);
	return slot;
}

static bool fingerprints_equal(const struct fingerprint *a, const struct fingerprint *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

enum trust_verdict trust_check(const struct trust *trust, const struct trust_key *key,
			       const struct fingerprint *fingerprint)
{
	uint16_t index = trust->slots[find_slot(trust, key)];

	if (index == 0)
		return TRUST_UNREAD;
	const struct trust_program *program = &trust->programs[index - 1];
	if (program->violated)
		return TRUST_VIOLATED;
	return program->settled && fingerprints_equal(&program->fingerprint, fingerprint)
		       ? TRUST_KNOWN
		       : TRUST_UNREAD;
}

/* --- room -------------------------------------------------------------------------------------- */

static size_t above(size_t n, size_t own)
{
	return n > own ? n - own : 0;
}

/* Whether all would stay within the common room, but for what each has of its own. */
static bool has_room(const struct trust *trust, const struct trust_owner *owner, size_t path_n)
{
	size_t programs = above(owner->programs + 1, TRUST_OWN_PROGRAMS);
	size_t bytes = above(owner->bytes + path_n, TRUST_OWN_BYTES);

	for (size_t i = 0; i < trust->n_owners; i++) {
		const struct trust_owner *other = &trust->owners[i];

		if (other == owner)
			continue;
		programs += above(other->programs, TRUST_OWN_PROGRAMS);
		bytes += above(other->bytes, TRUST_OWN_BYTES);
	}
	return programs <= TRUST_COMMON_PROGRAMS && bytes <= TRUST_COMMON_BYTES;
}

/* NULL where there are too many. */
static struct trust_owner *find_owner(struct trust *trust, const struct root *root)
{
	for (size_t i = 0; i < trust->n_owners; i++)
		if (root_equals(&trust->owners[i].root, root))
			return &trust->owners[i];
	if (trust->n_owners == TRUST_OWNERS_MAX)
		return NULL;
	struct trust_owner *owner = &trust->owners[trust->n_owners++];
	*owner = (struct trust_owner){ .root = *root };
	return owner;
}

static struct trust_program *add(struct trust *trust, const struct trust_key *key, size_t slot,
				 const uint8_t digest[TRUST_DIGEST_SIZE])
{
	struct slice path = key->path;
	struct trust_owner *owner = find_owner(trust, &key->root);

	if (owner == NULL || !has_room(trust, owner, path.n))
		return NULL;
	trust->programs =
		mem_grow(trust->programs, trust->n, &trust->cap, sizeof(*trust->programs));
	struct trust_program *program = &trust->programs[trust->n++];
	*program = (struct trust_program){ .root = key->root,
					   .path = mem_calloc(path.n, 1),
					   .path_n = path.n };
	memcpy(program->path, path.p, path.n);
	memcpy(program->digest, digest, TRUST_DIGEST_SIZE);
	owner->programs++;
	owner->bytes += path.n;
	trust->slots[slot] = (uint16_t)trust->n;
	return program;
}

static void forget_owners(struct trust *trust, const struct roots *kept)
{
	size_t had = trust->n_owners;

	trust->n_owners = 0;
	for (size_t i = 0; i < had; i++)
		if (roots_has(kept, &trust->owners[i].root))
			trust->owners[trust->n_owners++] = trust->owners[i];
}

bool trust_forget(struct trust *trust, const struct roots *kept)
{
	size_t had = trust->n;

	trust->n = 0;
	memset(trust->slots, 0, sizeof(trust->slots));
	for (size_t i = 0; i < had; i++) {
		struct trust_program program = trust->programs[i];
		const struct trust_key key = { program.root, { program.path, program.path_n } };

		if (!roots_has(kept, &program.root)) {
			free(program.path);
			continue;
		}
		trust->programs[trust->n++] = program;
		trust->slots[find_slot(trust, &key)] = (uint16_t)trust->n;
	}
	forget_owners(trust, kept);
	return trust->n < had;
}

enum trust_verdict trust_learn(struct trust *trust, const struct trust_key *key,
			       const struct fingerprint *fingerprint,
			       const uint8_t digest[TRUST_DIGEST_SIZE], bool settled)
{
	size_t slot = find_slot(trust, key);
	uint16_t index = trust->slots[slot];
	struct trust_program *program =
		index != 0 ? &trust->programs[index - 1] : add(trust, key, slot, digest);

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
