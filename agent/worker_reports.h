/* SPDX-License-Identifier: Apache-2.0 */
/* worker_reports: packets that the fence dropped become events (net.bypass). The worker reads them, as
 * packets are the workload's to make. */
#ifndef AGENT_WORKER_REPORTS_H
#define AGENT_WORKER_REPORTS_H

#include "lib/err.h"
#include "lib/log.h"
#include "lib/loop.h"

/* A zeroed one is not started. */
struct worker_reports {
	struct loop *loop;
	const struct log *log;
	struct loop_fd watch;
	uint64_t told, skipped; /* attempts that became an event, and that the kernel left out */
};

/* Reads `fd` of agent/net/nflog.h, which stays the caller's, for as long as the loop runs. */
int worker_reports_start(struct worker_reports *reports, struct loop *loop, const struct log *log,
			 int fd, struct err *err);

#endif
