/* SPDX-License-Identifier: Apache-2.0 */
/* child: turns a process into the workload, step by step: one that it forks, or the caller itself.
 *
 * All is built before fork; between fork and exec there are raw system calls only. A step that fails
 * ends the child: there is no path on which it goes on with less. The child stops once confined, so
 * that its parent can check what the kernel says of it, and runs the workload when told to. */
#ifndef AGENT_SANDBOX_CHILD_H
#define AGENT_SANDBOX_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "agent/sandbox/ids.h"
#include "agent/sandbox/landlock.h"
#include "agent/sandbox/seccomp_build.h"
#include "lib/err.h"

enum { CHILD_KEEP_SESSION = -2, CHILD_NO_TERMINAL = -1 };

/* Borrowed by the child until it execs. */
struct child_plan {
	/* Enters the workload's namespaces; 0 or an errno value. Async-signal-safe. */
	int (*enter)(int fd);
	int enter_fd;
	const struct ids *ids;
	bool has_ids; /* was started with them, by an unprivileged parent whose end is its own */
	const struct landlock *landlock;
	const struct seccomp_program *seccomp;
	char *const *candidates; /* files to try, NULL-terminated */
	char *const *argv;
	char *const *env;
	const sigset_t *mask; /* the signal mask the workload starts with */
	/* Becomes its controlling terminal, in a session of its own; or one of the above. */
	int terminal_fd;
};

struct child {
	pid_t pid;
	int report_fd, go_fd;
};

/* Forks and waits until the child is confined. On failure the child is gone and the message names the
 * step. */
int child_start(const struct child_plan *plan, struct child *out, struct err *err);

/* Lets the confined child exec. 0 once it has; else -1 with `*out_status` 126 (found, but cannot be
 * executed) or 127 (not found). */
int child_release(struct child *child, int *out_status, struct err *err);

/* Makes the calling process the workload: takes everything from it and execs. Comes back only on failure,
 * half confined, so that all the caller may do is say so and exit with `*out_status`: 126, 127 as
 * above, or 125 where a step of the confinement failed. */
int child_become(const struct child_plan *plan, int *out_status, struct err *err);

/* Ends a child that is not to run, and reaps it. */
void child_abandon(struct child *child);

#endif
