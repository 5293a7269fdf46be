/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sandbox/exec_path.h"

#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

char **exec_path_candidates(const char *command, const char *path)
{
	char **list = NULL;
	size_t n = 0, cap = 0;

	if (strchr(command, '/') != NULL) {
		list = mem_calloc(2, sizeof(*list));
		list[0] = mem_strdup(command);
		return list;
	}
	if (path == NULL)
		path = EXEC_PATH_DEFAULT;
	for (const char *at = path;; at++) {
		size_t len = strcspn(at, ":");

		list = mem_grow(list, n, &cap, sizeof(*list));
		list[n++] = len > 0 ? mem_printf("%.*s/%s", (int)len, at, command)
				    : mem_printf("./%s", command);
		at += len;
		if (*at == '\0')
			break;
	}
	list = mem_realloc(list, n + 1, sizeof(*list));
	list[n] = NULL;
	return list;
}

void exec_path_free(char **candidates)
{
	for (char **at = candidates; candidates != NULL && *at != NULL; at++)
		free(*at);
	free(candidates);
}
