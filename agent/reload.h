/* SPDX-License-Identifier: Apache-2.0 */
/* reload: the policy of a run, from its start to its end. PID 1 watches the file, hands what it says to
 * the worker and tells what became of it: in events, and to `status` and `policy explain --live`.
 *
 * The policy that was valid last holds until another one is: a file that has problems, cannot be read or
 * is gone changes nothing but what is told. */
#ifndef AGENT_RELOAD_H
#define AGENT_RELOAD_H

#include "agent/live_policy.h"
#include "agent/policy_feed.h"
#include "agent/run_policy.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/loop.h"

struct reload;

/* Borrows everything, for as long as the loop runs. */
struct reload_config {
	struct loop *loop;
	const struct log *log;
	const char *path;
	struct policy_feed
		*feed; /* NULL: there is no worker, and so no way to put a new one in force */
	const struct run_policy *start; /* what the run started with */
	/* Where it is told, besides events: live_policy_write(); NULL for nowhere. */
	int (*write)(const struct live_policy *live, struct slice text, struct err *err);
};

int reload_new(const struct reload_config *config, struct reload **out, struct err *err);

/* Accepts NULL. */
void reload_free(struct reload *reload);

#endif
