/* SPDX-License-Identifier: Apache-2.0 */
/* trust: the content that each program had when it was first seen in this run. A path whose content
 * changes is not trusted again until the run ends. Pure: whoever reads files gives fingerprints and
 * digests. Nothing is forgotten of itself, so the table has a size, and what does not fit is not trusted. */
#ifndef AGENT_IDENTITY_TRUST_H
#define AGENT_IDENTITY_TRUST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/rd.h"

enum {
	TRUST_DIGEST_SIZE = 32,
	/* Programs that make connections, and their ancestors, by path. A large image has some hundred
	 * that ever do. */
	TRUST_PROGRAMS_MAX = 4096,
	TRUST_PATH_BYTES_MAX = 1 << 20,
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

struct trust_program;

/* A zeroed one is empty. */
struct trust {
	struct trust_program *programs;
	size_t n, cap, path_bytes;
	uint16_t slots[TRUST_PROGRAMS_MAX * 2]; /* by hash of the path: index + 1, 0 for none */
};

void trust_done(struct trust *trust);

enum trust_verdict trust_check(const struct trust *trust, struct slice path,
			       const struct fingerprint *fingerprint);

/* The content of `path` under `fingerprint` has this digest. `settled`: the file was last changed long
 * enough before it was read that another change must show in its times; otherwise it is read again
 * next time. Never gives TRUST_UNREAD. */
enum trust_verdict trust_learn(struct trust *trust, struct slice path,
			       const struct fingerprint *fingerprint,
			       const uint8_t digest[TRUST_DIGEST_SIZE], bool settled);

/* Forgets the programs that are not to be kept; true if there were any. */
bool trust_forget(struct trust *trust, bool (*is_kept)(const void *context, struct slice path),
		  const void *context);

#endif
