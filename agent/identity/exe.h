/* SPDX-License-Identifier: Apache-2.0 */
/* exe: which program a process runs and which programs started it, by what the kernel says of them,
 * each with the content that it had when it was first seen. */
#ifndef AGENT_IDENTITY_EXE_H
#define AGENT_IDENTITY_EXE_H

#include <stdint.h>
#include <sys/types.h>

#include "agent/identity/message.h"
#include "agent/identity/proc.h"
#include "agent/identity/trust.h"

/* What describing a process takes. Borrows. */
struct exe_context {
	int proc_fd; /* /proc */
	pid_t init_pid; /* where chains of parents end; not one of the sandbox's programs */
	struct trust *trust;
	int64_t now_ns; /* CLOCK_REALTIME */
};

/* Removes the " (deleted)" that the kernel puts behind the name of a file that is gone, unless
 * a file of the whole name is there. Pure but for that look. */
struct slice exe_display_path(const struct proc *proc, const struct proc_exe *exe);

/* The program of `process`, then its ancestors' nearest first, at most 64, in `out`. IDENTITY_INTEGRITY
 * leaves the program that it is about as the only one in `out`, IDENTITY_LIMIT and IDENTITY_GONE (try again)
 * leave nothing of use. */
enum identity_status exe_describe(const struct exe_context *context, const struct proc *process,
				  struct identity_paths *out);

#endif
