/* SPDX-License-Identifier: Apache-2.0 */
/* run_report: what a run enforces, told twice: to `status` as a file and to the logs as an event. */
#ifndef AGENT_RUN_REPORT_H
#define AGENT_RUN_REPORT_H

#include <sys/types.h>

#include "agent/confinement.h"
#include "agent/egress.h"
#include "agent/run_policy.h"
#include "agent/sandbox/proc_status.h"
#include "lib/cmd.h"
#include "lib/err.h"
#include "lib/log.h"

/* Borrows everything. */
struct run_report {
	const char *run_id;
	const struct run_policy *policy;
	const struct confinement *confinement;
	const struct proc_status *status; /* of the confined child, as the kernel has it */
	const char *workdir;
	const struct cmd_list *writable;
	const struct egress *egress;
	pid_t workload_pid;
};

int run_report_write(const struct run_report *report, struct err *err);

/* `sandbox.ready`, and a warning for each thing that is weaker than it could be. */
void run_report_log(const struct log *log, const struct run_report *report);

#endif
