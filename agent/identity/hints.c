/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/identity/hints.h"

#include <string.h>

static size_t find(const struct hints *hints, pid_t pid, unsigned number)
{
	size_t at = 0;

	while (at < hints->n && (hints->items[at].pid != pid || hints->items[at].number != number))
		at++;
	return at;
}

void hints_keep(struct hints *hints, pid_t pid, unsigned number)
{
	size_t at = find(hints, pid, number);

	if (at == hints->n && hints->n < HINTS_MAX)
		hints->n++;
	else if (at == hints->n)
		at = 0;
	memmove(&hints->items[at], &hints->items[at + 1],
		(hints->n - 1 - at) * sizeof(hints->items[0]));
	hints->items[hints->n - 1] = (struct hint){ pid, number };
}

bool hints_newest(const struct hints *hints, pid_t pid, unsigned *out_number)
{
	for (size_t at = hints->n; at > 0; at--) {
		if (hints->items[at - 1].pid != pid)
			continue;
		*out_number = hints->items[at - 1].number;
		return true;
	}
	return false;
}

bool hints_next(const struct hints *hints, pid_t pid, size_t *at, unsigned *out_number)
{
	for (; *at < hints->n; ++*at) {
		if (hints->items[*at].pid != pid)
			continue;
		*out_number = hints->items[(*at)++].number;
		return true;
	}
	return false;
}
