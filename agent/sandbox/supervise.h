/* SPDX-License-Identifier: Apache-2.0 */
/* supervise: what PID 1 of a container owes: pass signals on, reap every orphan, end as the workload
 * ends. */
#ifndef AGENT_SANDBOX_SUPERVISE_H
#define AGENT_SANDBOX_SUPERVISE_H

#include <signal.h>
#include <sys/types.h>

#include "lib/err.h"
#include "lib/loop.h"

/* The terminal of a container started with one, as the runtime makes its first process the leader of a session; -1
 * for none. */
int supervise_terminal(void);

/* Gives up the controlling terminal, if `fd` is one, so that the workload can take it; then blocks
 * every signal: from here on they wait for supervise(). `out_before` is the mask the workload gets. */
int supervise_prepare(int terminal_fd, sigset_t *out_before, struct err *err);

enum { SUPERVISE_ESSENTIAL_MAX = 4 };

struct supervise_config {
	struct loop *loop; /* what else PID 1 watches is in it */
	pid_t workload;
	/* Processes of ours without which there is no sandbox: the end of one is the end of all. */
	pid_t essential[SUPERVISE_ESSENTIAL_MAX];
	size_t n_essential;
	/* Called every `check_every_s` seconds; -1 and *err where the sandbox no longer holds. May be NULL. */
	int (*check)(void *ctx, struct err *err);
	void *ctx;
	int check_every_s;
};

/* Runs the loop, passes each signal on to the workload and reaps, until the workload has ended: 0, and its exit status or
 * 128 + the signal. -1 where the sandbox cannot go on; the workload has been killed by then. */
int supervise(const struct supervise_config *config, int *out_status, struct err *err);

#endif
