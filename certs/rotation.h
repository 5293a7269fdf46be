/* SPDX-License-Identifier: Apache-2.0 */
/* rotation: a server's own certificate over the years, renewed without a gap. Pure: the clock is an argument,
 * and where the texts are kept is the caller's business.
 *
 * Each generation has an authority of its own, which signs one leaf and whose key is then forgotten. So there
 * is one way to renew, and it is walked every time:
 *   prepare  a next leaf exists, and its authority is in the bundle beside that of the current one
 *   (the bundle is published, and everybody has had time to see it)
 *   switch   the next leaf is served; the old authority stays in the bundle until the next round */
#ifndef CERTS_ROTATION_H
#define CERTS_ROTATION_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/rd.h"

enum {
	ROTATION_LIFE_S = 90 * 86400,
	ROTATION_LIFE_MIN_S = 86400,
	/* Between publishing a bundle and relying on it: each API server hears of it on its own. */
	ROTATION_SETTLE_MS = 30 * 1000,
	/* Long after it should have been renewed: somebody must look. */
	ROTATION_LATE_S = 21 * 86400,
	/* Of one text; a certificate of ours has 700 bytes. */
	ROTATION_PEM_MAX = 64 << 10,
};

/* Texts in PEM; empty where there is none. */
struct rotation_set {
	struct buf cert, key;
	struct buf next_cert, next_key; /* of a rotation under way */
	struct buf bundle; /* the authorities that clients are to trust, the newest first */
	bool asked; /* somebody wants it renewed now */
};

struct rotation_set rotation_set_init(void);
void rotation_set_done(struct rotation_set *set); /* wipes the keys */

struct rotation_facts {
	bool usable; /* valid now, for the host, its key's, and trusted by the bundle */
	bool prepared; /* the same of the next one */
	int64_t expires_s, due_s; /* of the current one; 0 where it is not usable */
};

/* Nothing in `set` is trusted to be well-formed. `why`: what is wrong where it is not usable. */
void rotation_inspect(const struct rotation_set *set, const char *host, int64_t now_s,
		      struct rotation_facts *out, struct err *why);

enum rotation_step { ROTATION_REST = 0, ROTATION_CREATE, ROTATION_PREPARE, ROTATION_SWITCH };

/* `published_ms`: for how long every client has been told the bundle; -1 where one has not. */
enum rotation_step rotation_next(const struct rotation_facts *facts, int64_t now_s,
				 int64_t published_ms);

struct rotation_options {
	const char *host;
	int64_t now_s;
	int64_t life_s; /* ROTATION_LIFE_MIN_S..LEAF_LIFE_MAX_S */
};

/* Takes the step; ROTATION_REST does nothing. On failure `set` is as it was. */
int rotation_take(enum rotation_step step, const struct rotation_options *options,
		  struct rotation_set *set, struct err *err);

/* Whether a client that trusts `bundle` alone accepts `cert` from `host`. */
bool rotation_trusts(struct slice bundle, struct slice cert, const char *host, int64_t now_s);

#endif
