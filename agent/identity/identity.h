/* SPDX-License-Identifier: Apache-2.0 */
/* identity: what the proxy keeps of an identified process for as long as its connection lives, and
 * the names under which a policy may know a program. */
#ifndef AGENT_IDENTITY_IDENTITY_H
#define AGENT_IDENTITY_IDENTITY_H

#include "agent/identity/message.h"

/* Fits struct policy_request: `exe` is its binary. */
struct identity {
	pid_t pid;
	uid_t uid;
	const char *exe;
	const char *const *ancestors; /* nearest first */
	size_t n_ancestors;
};

/* A copy of an answer with IDENTITY_OK to a question about an owner; one allocation, for free(). */
struct identity *identity_keep(const struct identity_answer *answer);

enum {
	/* Links that one policy names; the rest of them matches only by real path. */
	IDENTITY_ALIASES_MAX = 1024,
};

/* Names in a policy that are links, and where each led when the policy was loaded. A zeroed one is
 * empty. */
struct identity_aliases {
	struct identity_alias {
		char *written, *resolved;
	} * items;
	size_t n, cap;
};

/* A name that leads to itself is not added. False where the list is full. */
bool identity_aliases_add(struct identity_aliases *aliases, const char *written,
			  const char *resolved);
void identity_aliases_done(struct identity_aliases *aliases);

/* The names that lead to `path`, at most `max`; returns how many. Borrows from `aliases`. */
size_t identity_aliases_of(const struct identity_aliases *aliases, const char *path,
			   const char **out, size_t max);

#endif
