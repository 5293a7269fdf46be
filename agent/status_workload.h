/* SPDX-License-Identifier: Apache-2.0 */
/* status_workload: what the kernel says of the workload at this moment, beside what it should be. */
#ifndef AGENT_STATUS_WORKLOAD_H
#define AGENT_STATUS_WORKLOAD_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "agent/sandbox/ids.h"
#include "lib/err.h"

/* Adds "live" to `state`. `out_confined`: `pid` is as `want` says, and has one system call filter more than
 * `above`, which is not confined. */
int status_workload_add(json_t *state, pid_t pid, const struct ids *want, pid_t above,
			bool *out_confined, struct err *err);

#endif
