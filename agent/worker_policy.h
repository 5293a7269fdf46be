/* SPDX-License-Identifier: Apache-2.0 */
/* worker_policy: takes new policies from PID 1, parses them and lets the worker decide by them. One that
 * has a problem changes nothing. */
#ifndef AGENT_WORKER_POLICY_H
#define AGENT_WORKER_POLICY_H

#include "agent/policy_feed.h"
#include "agent/proxy/worker.h"
#include "lib/err.h"
#include "lib/loop.h"
#include "policy/policy.h"

/* Belongs to its caller, for as long as the loop runs. */
struct worker_policy {
	struct loop *loop;
	const struct policy_feed *feed;
	struct worker *worker;
	struct loop_fd watch;
	bool refuse_binaries; /* a policy that names some is refused; to be set before the loop runs */
	struct buf sections[POLICY_SECTIONS]; /* of the policy that the run started with */
};

/* `start` is the policy that everything was confined by. Borrows `feed` and `worker`. */
int worker_policy_start(struct worker_policy *out, struct loop *loop,
			const struct policy_feed *feed, struct worker *worker,
			const struct policy *start, struct err *err);
void worker_policy_done(struct worker_policy *policy);

#endif
