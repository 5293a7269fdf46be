/* SPDX-License-Identifier: Apache-2.0 */
/* worker_process: the process that is the proxy and nothing else: what PID 1 forks, confined before it
 * reads the first byte of anybody. */
#ifndef AGENT_WORKER_PROCESS_H
#define AGENT_WORKER_PROCESS_H

#include <stddef.h>
#include <sys/types.h>

#include "agent/policy_feed.h"
#include "agent/proxy/inside.h"
#include "agent/worker_counts.h"
#include "agent/worker_inbound.h"
#include "certs/ca.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/rd.h"
#include "policy/policy.h"

enum { WORKER_PROCESS_LISTENERS_MAX = 2, WORKER_PROCESS_INBOUND_MAX = 128 };

struct upstream_proxy;

/* Borrows everything; the worker has its own copy after fork. */
struct worker_process_config {
	const struct log *log;
	uid_t uid;
	pid_t parent; /* with which it ends */
	/* Called once it is `uid` and may still open files; NULL: nothing is left to do. */
	int (*as_proxy)(void *ctx, struct err *err);
	void *ctx;
	enum policy_landlock landlock;
	struct policy *policy;
	struct proxy_limits limits;
	struct ca *ca; /* the worker's from then on */
	struct buf *roots_pem; /* whom upstream servers are verified against; the worker's too */
	const struct upstream_proxy *upstream_proxy; /* NULL: destinations are dialled */
	const char
		*credentials; /* that clients have to name, from credentials_read(); NULL: none */
	struct slice resolv_conf, hosts;
	const struct address *own; /* the pod's addresses */
	size_t n_own;
	int listen_fds[WORKER_PROCESS_LISTENERS_MAX];
	size_t n_listen_fds;
	struct inside inside;
	unsigned dns_table; /* which of SYNTHETIC_TABLES the names of `inside` get addresses of */
	bool refuse_binaries; /* of a new policy */
	int identity_fd; /* -1: `binaries` are not looked at */
	int report_fds[2]; /* -1: nobody reports */
	const struct policy_feed *feed; /* NULL: the policy never changes */
	int http_fd; /* listens for the kubelet and Prometheus */
	struct worker_counts *counts; /* shared with who reads them, outside of this process */
	const struct worker_inbound_listener *inbound;
	size_t n_inbound;
};

/* Runs in the forked process until it is told to stop. The exit status. */
int worker_process_run(const struct worker_process_config *config);

#endif
