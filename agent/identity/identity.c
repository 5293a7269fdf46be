/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/identity/identity.h"

#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

struct identity *identity_keep(const struct identity_answer *answer)
{
	const struct identity_paths *paths = &answer->paths;
	/* The struct, the pointers, the bytes: in the order of their alignment. */
	struct kept {
		struct identity identity;
		const char *pointers[];
	} *kept = mem_calloc(1, sizeof(*kept) + paths->n * sizeof(char *) + paths->used);
	char *bytes = (char *)&kept->pointers[paths->n];

	memcpy(bytes, paths->bytes, paths->used);
	for (size_t i = 0; i < paths->n; i++)
		kept->pointers[i] = bytes + paths->at[i];
	kept->identity = (struct identity){
		.pid = answer->pid,
		.uid = answer->uid,
		.exe = kept->pointers[0],
		.ancestors = kept->pointers + 1,
		.n_ancestors = paths->n - 1,
	};
	return &kept->identity;
}

bool identity_aliases_add(struct identity_aliases *aliases, const char *written,
			  const char *resolved)
{
	if (strcmp(written, resolved) == 0)
		return true;
	if (aliases->n == IDENTITY_ALIASES_MAX)
		return false;
	aliases->items =
		mem_grow(aliases->items, aliases->n, &aliases->cap, sizeof(*aliases->items));
	aliases->items[aliases->n++] = (struct identity_alias){
		.written = mem_strdup(written),
		.resolved = mem_strdup(resolved),
	};
	return true;
}

void identity_aliases_done(struct identity_aliases *aliases)
{
	for (size_t i = 0; i < aliases->n; i++) {
		free(aliases->items[i].written);
		free(aliases->items[i].resolved);
	}
	free(aliases->items);
	*aliases = (struct identity_aliases){ 0 };
}

size_t identity_aliases_of(const struct identity_aliases *aliases, const char *path,
			   const char **out, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < aliases->n && n < max; i++)
		if (strcmp(aliases->items[i].resolved, path) == 0)
			out[n++] = aliases->items[i].written;
	return n;
}
