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
#include "agent/policy_feed.h"
#include "agent/proxy/upstream_proxy.h"
#include "lib/cmd.h"
#include "lib/err.h"
#include "lib/log.h"
#include "policy/policy.h"

enum {
	EGRESS_PROXY_PORT = 3128,
	EGRESS_HTTP_PORT = 15090, /* metrics and health, on the pod's addresses */
	EGRESS_PROXY_UID = 1337,
	EGRESS_CHECK_EVERY_S = 10,
};

/* Borrows everything. */
struct egress_config {
	const struct log *log;
	struct policy *policy;
	bool policy_may_change; /* it stands in a file, which may yet say something else */
	uint32_t proxy_uid;
	bool relaxed_identity; /* `binaries` are not looked at */
	const struct fence_port *inbound;
	size_t n_inbound;
	struct proxy_limits limits;
	const struct cmd_list *upstream_ca; /* files of roots beside those of our image */
	const struct upstream_proxy *upstream_proxy; /* NULL: destinations are dialled */
	const char *upstream_proxy_auth_file; /* NULL: it wants no credentials */
};

struct egress {
	int netns_fd;
	ino_t netns_inode;
	struct fence fence;
	char proxy_url[16 + INET6_ADDRSTRLEN];
	struct policy_feed feed; /* to the worker; closed where there is none */
	struct live_fence *live_fence; /* PID 1's to write; NULL without a fence */
	struct worker_counts *live_worker; /* the worker's to write */
	bool is_linked; /* there is a fence, and a proxy behind it */
	pid_t helper, worker; /* 0: not running */
};

#define EGRESS_INIT                                                            \
	{                                                                      \
		.netns_fd = -1, .fence = FENCE_INIT, .feed = POLICY_FEED_INIT, \
	}

/* The namespace, its fence and the two processes, all running. On failure what was started is ended. */
int egress_start(const struct egress_config *config, struct egress *out, struct err *err);

/* Ends the processes, reaps them and closes what is open. Accepts EGRESS_INIT. */
void egress_done(struct egress *egress);

/* From PID 1, every EGRESS_CHECK_EVERY_S: the fence still holds on both sides, which is noted for `status`.
 * Needs no privilege. */
int egress_check(const struct egress *egress, struct err *err);

#endif
