/* SPDX-License-Identifier: Apache-2.0 */
/* canon_path: the one form of a request target, which is what rules are matched with and what is sent
 * on. Whatever two servers could read differently is decoded to one spelling or refused, so that the
 * policy and the server speak of the same path. */
#ifndef POLICY_CANON_PATH_H
#define POLICY_CANON_PATH_H

#include "lib/err.h"
#include "policy/policy.h"

struct canon_target {
	char path[POLICY_REQUEST_PATH_MAX + 1];
	size_t path_n;
	struct slice query; /* as it came, without '?'; borrows from the target */
	bool has_query; /* there was a '?' */
	bool has_encoded_slash; /* see canon_has_encoded_slash() */
};

/* `target` is the path of a request line, with its query, without scheme and host. Idempotent: a
 * canonical path comes out as it went in. ERR_INVALID or ERR_LIMIT says why it is refused. */
int canon_target(struct slice target, bool allow_encoded_slash, struct canon_target *out,
		 struct err *err);

/* Characters that stand for themselves in a canonical path, besides '/'. */
bool canon_is_literal(uint8_t c);

/* A canonical path holds a slash or a backslash, encoded once or more often, which not every endpoint
 * accepts: some servers take it for one that separates. */
bool canon_has_encoded_slash(struct slice path);

/* True for what canon_target() gives. */
bool canon_is_canonical(struct slice path);

#endif
