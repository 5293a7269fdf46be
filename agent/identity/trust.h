/* SPDX-License-Identifier: Apache-2.0 */
/* trust: the content that each program had when it was first seen in this run. A path whose content
 * changes is not trusted again until the run ends. Pure: whoever reads files gives fingerprints and
 * digests. Nothing is forgotten of itself, so the table has a size, and what does not fit is not trusted.
 *
 * Each container has room of its own in it, which the programs of others never take, and all have some in common: who
 * fills it with programs takes that from itself and the common room alone. */
#ifndef AGENT_IDENTITY_TRUST_H
#define AGENT_IDENTITY_TRUST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/identity/roots.h"
#include "lib/rd.h"

enum {
	TRUST_DIGEST_SIZE = 32,
	/* Containers at a time, that is root directories. */
	TRUST_OWNERS_MAX = 64,
	/* Programs that make connections, and their ancestors, by path. Most containers have some dozen that ever do; a
	 * large image some hundred. */
	TRUST_OWN_PROGRAMS = 64,
	TRUST_COMMON_PROGRAMS = 4096,
	TRUST_PROGRAMS_MAX = TRUST_OWNERS_MAX * TRUST_OWN_PROGRAMS + TRUST_COMMON_PROGRAMS,
	/* Of paths, in bytes. */
	TRUST_OWN_BYTES = 16384,
	TRUST_COMMON_BYTES = 1 << 20,
};

/* Changes whenever the content does: ctime cannot be set back. */
struct fingerprint {
	uint64_t dev, ino, size;
	int64_t mtime_ns, ctime_ns;
};

enum trust_verdict {
	TRUST_VIOLATED = 0, /* the content is or was another than at first */
	TRUST_FULL, /* no room to remember one more program */
	TRUST_UNREAD, /* unknown, or touched since: digest it and call trust_learn() */
	TRUST_KNOWN,
};

/* Which file: a path means something within one root. Borrows. */
struct trust_key {
	struct root root;
	struct slice path;
};

struct trust_owner {
	struct root root;
	size_t programs, bytes;
};

struct trust_program;

/* A zeroed one is empty. */
struct trust {
	struct trust_program *programs;
	size_t n, cap;
	struct trust_owner owners[TRUST_OWNERS_MAX];
	size_t n_owners;
	uint16_t slots[TRUST_PROGRAMS_MAX * 2]; /* by hash of the path: index + 1, 0 for none */
};

void trust_done(struct trust *trust);

enum trust_verdict trust_check(const struct trust *trust, const struct trust_key *key,
			       const struct fingerprint *fingerprint);

/* The content of `key` under `fingerprint` has this digest. `settled`: the file was last changed long
 * enough before it was read that another change must show in its times; otherwise it is read again
 * next time. Never gives TRUST_UNREAD. */
enum trust_verdict trust_learn(struct trust *trust, const struct trust_key *key,
			       const struct fingerprint *fingerprint,
			       const uint8_t digest[TRUST_DIGEST_SIZE], bool settled);

/* Forgets the programs of all roots but these; true if there were any. */
bool trust_forget(struct trust *trust, const struct roots *kept);

#endif
