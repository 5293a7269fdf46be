/* SPDX-License-Identifier: Apache-2.0 */
/* proxy_processes: identity helper and worker: how their parent starts and ends them. */
#ifndef AGENT_PROXY_PROCESSES_H
#define AGENT_PROXY_PROCESSES_H

#include "agent/policy_feed.h"
#include "agent/proxy_parts.h"
#include "agent/worker_process.h"

struct proxy_processes {
	struct policy_feed feed; /* to the worker; closed where there is none */
	pid_t helper, worker; /* 0: not running */
};

#define PROXY_PROCESSES_INIT              \
	{                                 \
		.feed = POLICY_FEED_INIT, \
	}

/* Before the worker. Nothing to do where identity is relaxed. */
int proxy_processes_start_helper(const struct proxy_config *config, const struct proxy_parts *parts,
				 struct proxy_processes *out, struct err *err);

/* What every worker is told; for the caller to add to. */
struct worker_process_config proxy_processes_worker(const struct proxy_config *config,
						    struct proxy_parts *parts);

int proxy_processes_start_worker(struct worker_process_config *worker, struct proxy_parts *parts,
				 struct proxy_processes *out, struct err *err);

/* Ends and reaps them. Accepts PROXY_PROCESSES_INIT. */
void proxy_processes_done(struct proxy_processes *processes);

#endif
