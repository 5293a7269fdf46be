/* SPDX-License-Identifier: Apache-2.0 */
/* child: forks the process that becomes the workload and takes everything from it, step by step.
 *
 * All is built before fork; between fork and exec there are raw system calls only. A step that fails
 * ends the child: there is no path on which it goes on with less. The child stops once confined, so
 * that its parent can check what the kernel says of it, and runs the workload when told to. */
#ifndef AGENT_SANDBOX_CHILD_H
#define AGENT_SANDBOX_CHILD_H

#include <signal.h>
#include <sys/types.h>

#include "agent/sandbox/ids.h"
#include "agent/sandbox/landlock.h"
#include "agent/sandbox/seccomp_build.h"
#include "lib/err.h"

/* Borrowed by the child until it execs. */
struct child_plan {
	/* Enters the workload's namespaces; 0 or an errno value. Async-signal-safe. */
	int (*enter)(int fd);
	int enter_fd;
	const struct ids *ids;
	const struct landlock *landlock;
	const struct seccomp_program *seccomp;
	char *const *candidates; /* files to try, NULL-terminated */
	char *const *argv;
	char *const *env;
	const sigset_t *mask; /* the signal mask the workload starts with */
	int terminal_fd; /* becomes its controlling terminal; -1 for none */
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

/* Ends a child that is not to run, and reaps it. */
void child_abandon(struct child *child);

#endif
