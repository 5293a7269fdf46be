/* SPDX-License-Identifier: Apache-2.0 */
/* pattern: a glob made ready for many matches: {a,b} spelled out, common shapes compared as bytes. */
#ifndef POLICY_PATTERN_H
#define POLICY_PATTERN_H

#include "lib/err.h"
#include "policy/arena.h"
#include "policy/glob.h"

enum {
	/* What {a,b} of one pattern may spell out to; more is a list, which policies have as well. */
	PATTERN_ALTERNATIVES_MAX = 64,
	/* As long as what it is matched with. */
	PATTERN_BYTES_MAX = 4096,
};

enum pattern_shape {
	PATTERN_LITERAL = 0,
	PATTERN_PREFIX, /* a literal, then anything */
	PATTERN_ALL,
	PATTERN_GLOB,
};

struct pattern_form {
	enum pattern_shape shape;
	struct slice text; /* the literal, the prefix, or the glob */
	struct slice glob; /* always the glob */
};

/* Matches what any of its forms matches; a zeroed one matches nothing. */
struct pattern {
	const struct pattern_form *forms;
	size_t n;
	enum glob_kind kind;
};

/* ERR_INVALID says what is wrong with `text` and what to write. Forms live in `arena`. */
int pattern_compile(struct slice text, enum glob_kind kind, struct arena *arena,
		    struct pattern *out, struct err *err);

bool pattern_matches(const struct pattern *pattern, struct slice text);

#endif
