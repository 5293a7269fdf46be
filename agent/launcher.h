/* SPDX-License-Identifier: Apache-2.0 */
/* launcher: finds the `launch` that a container of the caller's runs, and what it was told. A process whose parent
 * is outside of the PID namespace was started by the container runtime; the oldest of those in a container is its
 * first. No workload can make one that is older. */
#ifndef AGENT_LAUNCHER_H
#define AGENT_LAUNCHER_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/buf.h"
#include "lib/err.h"

enum {
	LAUNCHER_WORDS_MAX = 512,
	/* A command line that is longer is not one that we rendered. */
	LAUNCHER_BYTES_MAX = 128 << 10,
};

struct launcher {
	pid_t pid;
	struct buf bytes;
	char *argv[LAUNCHER_WORDS_MAX + 1]; /* from "launch" on; borrows from `bytes` */
	int argc;
};

/* ERR_TIMEOUT where none runs. Needs no privilege. */
int launcher_find(struct launcher *out, struct err *err);

/* What it confines: the oldest of its children. Those that its workload left behind, and that it took over, are
 * younger. ERR_TIMEOUT where there is none. */
int launcher_workload(const struct launcher *launcher, pid_t *out, struct err *err);

/* Accepts a zeroed one. */
void launcher_done(struct launcher *launcher);

/* Cuts the text of /proc/PID/cmdline, in `launcher->bytes`, into words; false where it is no `launch`. Pure. */
bool launcher_parse(struct launcher *launcher);

#endif
