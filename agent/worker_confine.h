/* SPDX-License-Identifier: Apache-2.0 */
/* worker_confine: what the proxy worker takes from itself before it reads the first byte of anybody: it
 * has an identity of its own, no capability, no file, and the system calls that moving bytes takes. */
#ifndef AGENT_WORKER_CONFINE_H
#define AGENT_WORKER_CONFINE_H

#include <stddef.h>
#include <sys/types.h>

#include "agent/sandbox/seccomp_build.h"
#include "lib/err.h"
#include "policy/policy.h"

/* Makes room for `n` descriptors, or as many as the hard limit leaves: container runtimes differ a
 * thousandfold in what they start processes with. Never lowers the limit. */
int worker_confine_room(size_t n, struct err *err);

/* Its identity: `uid` is its user and group, without any other. Ends with `parent`. All it
 * still has is what that user may open. */
int worker_confine_identity(uid_t uid, pid_t parent, struct err *err);

/* For good, once it is `uid`. All descriptors but standard error and `keep`
 * (ascending) are closed. `mode`: whether a kernel without Landlock will do. */
int worker_confine_rest(uid_t uid, enum policy_landlock mode, const int *keep, size_t n_keep,
			struct err *err);

/* The system calls that the worker may make; any other ends it. */
void worker_confine_build(struct seccomp_program *out);

#endif
