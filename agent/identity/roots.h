/* SPDX-License-Identifier: Apache-2.0 */
/* roots: the root directories of processes. A path means something within one: containers that share a PID
 * namespace have one each, and what lies under a path in one is none of the other's. */
#ifndef AGENT_IDENTITY_ROOTS_H
#define AGENT_IDENTITY_ROOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/identity/proc.h"

enum {
	/* Containers of a pod that run at a time. */
	ROOTS_MAX = 256,
};

struct root {
	uint64_t dev, ino;
};

struct roots {
	struct root items[ROOTS_MAX];
	size_t n;
};

/* False where the process is gone, or does not tell: errno says. */
bool root_of(const struct proc *proc, struct root *out);

/* Those of all processes. False where one cannot be told, or there are too many: then any may be in use. */
bool roots_in_use(int proc_fd, struct roots *out);

bool root_equals(const struct root *a, const struct root *b);
bool roots_has(const struct roots *roots, const struct root *root);

#endif
