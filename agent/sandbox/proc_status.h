/* SPDX-License-Identifier: Apache-2.0 */
/* proc_status: what the kernel says of a process in /proc/PID/status (proc(5)), and whether that is the
 * confinement that was asked for. Pure but for proc_status_read(). */
#ifndef AGENT_SANDBOX_PROC_STATUS_H
#define AGENT_SANDBOX_PROC_STATUS_H

#include <stdint.h>
#include <sys/types.h>

#include "agent/sandbox/ids.h"
#include "lib/err.h"
#include "lib/rd.h"

struct proc_status {
	uint32_t uid[4], gid[4]; /* real, effective, saved, file system */
	uint32_t groups[IDS_GROUPS_MAX];
	size_t n_groups;
	uint64_t cap_inh, cap_prm, cap_eff, cap_bnd, cap_amb;
	uint32_t no_new_privs, seccomp, seccomp_filters;
};

/* ERR_INVALID names the line that is missing or cannot be read: an unknown state is not a good one. */
int proc_status_parse(struct slice text, struct proc_status *out, struct err *err);
int proc_status_read(pid_t pid, struct proc_status *out, struct err *err);

/* Fails, naming the first difference, unless all four uids and gids are the wanted ones, the groups
 * are among those, every capability set is empty, no_new_privs is set and more seccomp filters stand
 * than the `filters_before` that the container runtime had put there. */
int proc_status_verify(const struct proc_status *status, const struct ids *want,
		       uint32_t filters_before, struct err *err);

#endif
