/* SPDX-License-Identifier: Apache-2.0 */
/* confinement: everything a process needs to become a workload, built while we still have privilege.
 * The same for the container's own command and for what `exec` brings in later. */
#ifndef AGENT_CONFINEMENT_H
#define AGENT_CONFINEMENT_H

#include <stdbool.h>

#include "agent/sandbox/ids.h"
#include "agent/sandbox/landlock.h"
#include "agent/sandbox/seccomp_build.h"
#include "lib/cmd.h"
#include "lib/err.h"
#include "policy/policy.h"

/* Borrows everything. */
struct confinement_config {
	const struct policy *policy;
	const struct ids *ids;
	const char *workdir; /* the container's; see fs_plan_build() */
	const struct cmd_list *writable;
	char *const *env; /* variables of ours, "NAME=value", NULL-terminated */
	const char *command; /* looked up in the workload's PATH */
	bool is_unprivileged; /* already has `ids`, and no directory of root's to prove Landlock in */
	/* Joins a workload that runs: may signal it, as a user who comes in by `exec` expects. */
	bool beside_workload;
};

struct confinement {
	struct ids ids;
	struct landlock landlock;
	struct seccomp_program seccomp;
	char **env, **candidates;
};

int confinement_build(const struct confinement_config *config, struct confinement *out,
		      struct err *err);

/* Accepts a zeroed one. */
void confinement_done(struct confinement *confinement);

#endif
