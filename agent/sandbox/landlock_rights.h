/* SPDX-License-Identifier: Apache-2.0 */
/* landlock_rights: what each Landlock ABI can restrict (kernel: Documentation/userspace-api/landlock.rst).
 * Pure; the distribution's headers are older than the kernels we meet, so the values stand here. */
#ifndef AGENT_SANDBOX_LANDLOCK_RIGHTS_H
#define AGENT_SANDBOX_LANDLOCK_RIGHTS_H

#include <stdbool.h>
#include <stdint.h>

enum {
	/* The newest ABI this agent makes use of: the first with scopes. */
	LANDLOCK_ABI_COMPLETE = 6,
	/* Below this, truncation is not restricted and seccomp has to stand in. */
	LANDLOCK_ABI_TRUNCATE = 3,
};

/* struct landlock_ruleset_attr as of ABI 6; older kernels take a prefix of it. */
struct landlock_attr {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
	uint64_t scoped;
};

/* All that a kernel of this ABI can restrict for us; newer ABIs count as the newest known. */
struct landlock_attr landlock_rights_attr(int abi);

/* Rights to grant below a path that may be read, or read and written; `is_dir` false leaves only
 * those that make sense on a file (others are refused with EINVAL). */
uint64_t landlock_rights_read(int abi, bool is_dir);
uint64_t landlock_rights_write(int abi, bool is_dir);

/* What a kernel of this ABI cannot restrict, as words for people; "" when nothing is missing. */
const char *landlock_rights_missing(int abi);

#endif
