/* SPDX-License-Identifier: Apache-2.0 */
/* hints: at which descriptors sockets were found, so that a process with many is not looked through for
 * each. A new socket gets the number of one that was closed, most often of the one that is open for
 * longest, so the oldest hint is the first. They say where to look, never what is there. */
#ifndef AGENT_IDENTITY_HINTS_H
#define AGENT_IDENTITY_HINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum {
	/* A client that opens more side by side is looked through as a whole. */
	HINTS_MAX = 64,
	/* Of one process for one socket: then a look through all is cheaper. */
	HINTS_TRIED = 8,
};

/* A zeroed one is empty. */
struct hints {
	struct hint {
		pid_t pid;
		unsigned number;
	} items[HINTS_MAX]; /* the oldest first */
	size_t n;
};

/* Makes it the newest. A full list loses its oldest. */
void hints_keep(struct hints *hints, pid_t pid, unsigned number);

/* The one of `pid` that was kept last; false where there is none. */
bool hints_newest(const struct hints *hints, pid_t pid, unsigned *out_number);

/* The next one of `pid` from `*at` on, which starts with 0. */
bool hints_next(const struct hints *hints, pid_t pid, size_t *at, unsigned *out_number);

#endif
