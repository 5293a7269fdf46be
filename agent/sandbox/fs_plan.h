/* SPDX-License-Identifier: Apache-2.0 */
/* fs_plan: which paths the workload may read and write, as an ordered list. Pure: no path is opened
 * here; landlock.c walks the list. */
#ifndef AGENT_SANDBOX_FS_PLAN_H
#define AGENT_SANDBOX_FS_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/cmd.h"
#include "lib/err.h"
#include "policy/policy.h"

enum fs_access { FS_ACCESS_READ = 0, FS_ACCESS_WRITE };

enum fs_origin {
	FS_ORIGIN_POLICY = 0, /* written by the policy's author; its absence is reported */
	FS_ORIGIN_MOUNT, /* a volume mount that the pod declares writable */
	FS_ORIGIN_DEFAULT, /* ours; quietly left out where the image lacks it */
};

struct fs_rule {
	char *path;
	enum fs_access access;
	enum fs_origin origin;
};

struct fs_plan {
	struct fs_rule *rules;
	size_t n, cap;
};

/* Without a filesystem policy: read and execute everything; write to `workdir` (unless it is "/" or
 * holds a directory of ours), /tmp, the usual devices and the mounts in `writable`.
 * With one: its paths, `workdir` where it says so, and nothing else.
 * ERR_INVALID where the policy or a mount would open a directory that belongs to the sandbox. */
int fs_plan_build(const struct policy *policy, const char *workdir, const struct cmd_list *writable,
		  struct fs_plan *out, struct err *err);
void fs_plan_done(struct fs_plan *plan);

/* True where one path is the other or lies below it, by component: "/a" and "/a/b", not "/ab". */
bool fs_paths_overlap(const char *a, const char *b);

#endif
