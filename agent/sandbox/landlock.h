/* SPDX-License-Identifier: Apache-2.0 */
/* landlock: turns a plan of paths into a ruleset of the running kernel.
 *
 * Everything that opens paths or allocates happens before fork, as root; the child calls only
 * landlock_enter(). A path that cannot be opened narrows what the workload gets, never widens it. */
#ifndef AGENT_SANDBOX_LANDLOCK_H
#define AGENT_SANDBOX_LANDLOCK_H

#include <stdbool.h>
#include <sys/types.h>

#include "agent/sandbox/fs_plan.h"
#include "lib/buf.h"
#include "lib/err.h"

struct landlock {
	int abi; /* 0: the kernel has none, and the policy lets the workload run without */
	int ruleset_fd; /* -1 when abi is 0 */
	int probe_fd; /* a directory that is open to all but not to the ruleset; see landlock_enter() */
	bool probes_proc; /* it is /proc instead */
	struct buf
		skipped; /* paths that were left out and why, "; " between them; empty when none */
};

/* The kernel's Landlock ABI, or 0 and the reason in `err` (not built, off at boot, forbidden). */
int landlock_kernel_abi(struct err *err);

struct landlock_config {
	const struct fs_plan *plan;
	enum policy_landlock mode;
	uid_t uid; /* whom directories that are made belong to */
	gid_t gid;
	/* There is no directory of root's to prove it in: a file of /proc that every process may write does.
	 * A plan that opens /proc for writing is then refused. */
	bool probe_proc;
	/* May reach the workload's processes and abstract sockets: for what is brought in beside it. */
	bool unscoped;
};

/* Opens the plan's paths and builds the ruleset. Missing writable paths of a policy are created. Fails
 * where `mode` asks for more than the kernel has, and with POLICY_LANDLOCK_HARD_REQUIREMENT where any
 * path of the policy cannot be granted. */
int landlock_prepare(const struct landlock_config *config, struct landlock *out, struct err *err);
void landlock_done(struct landlock *landlock);

/* In the child, with no_new_privs set: restricts this process for good, then proves it: creating a
 * file in the probe directory, or opening one of /proc, which file modes allow, must fail. 0, or an errno value (EBADE: the
 * probe went through). Async-signal-safe. */
int landlock_enter(const struct landlock *landlock);

#endif
