/* SPDX-License-Identifier: Apache-2.0 */
/* egress: the one way out of a combined sandbox: the fenced namespace, the identity helper and the proxy
 * worker. PID 1 builds it before the workload and watches over it afterwards. Under the built-in policy,
 * where nobody is to be let in either, there is no way at all: a namespace without a link, and no process
 * beside the workload. */
#ifndef AGENT_EGRESS_H
#define AGENT_EGRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/live_page.h"
#include "agent/net/fence.h"
#include "agent/proxy_processes.h"
#include "lib/err.h"

/* Borrows everything. */
struct egress_config {
	struct proxy_config proxy;
	bool policy_may_change; /* it stands in a file, which may yet say something else */
	const struct fence_port *inbound;
	size_t n_inbound;
};

struct egress {
	int netns_fd;
	ino_t netns_inode;
	struct fence fence;
	char proxy_url[16 + INET6_ADDRSTRLEN];
	struct proxy_processes processes;
	struct live_fence *live_fence; /* PID 1's to write; NULL without a fence */
	struct worker_counts *live_worker; /* the worker's to write */
	bool is_linked; /* there is a fence, and a proxy behind it */
};

#define EGRESS_INIT                                                                     \
	{                                                                               \
		.netns_fd = -1, .fence = FENCE_INIT, .processes = PROXY_PROCESSES_INIT, \
	}

/* The namespace, its fence and the two processes, all running. On failure what was started is ended. */
int egress_start(const struct egress_config *config, struct egress *out, struct err *err);

/* Ends the processes, reaps them and closes what is open. Accepts EGRESS_INIT. */
void egress_done(struct egress *egress);

/* From PID 1, every PROXY_CHECK_EVERY_S: the fence still holds on both sides, which is noted for `status`.
 * Needs no privilege. */
int egress_check(const struct egress *egress, struct err *err);

#endif
