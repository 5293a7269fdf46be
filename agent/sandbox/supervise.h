/* SPDX-License-Identifier: Apache-2.0 */
/* supervise: what PID 1 of a container owes: pass signals on, reap every orphan, end as the workload
 * ends. */
#ifndef AGENT_SANDBOX_SUPERVISE_H
#define AGENT_SANDBOX_SUPERVISE_H

#include <signal.h>
#include <sys/types.h>

#include "lib/err.h"

/* Gives up the controlling terminal, if `fd` is one, so that the workload can take it; then blocks
 * every signal: from here on they wait for supervise(). `out_before` is the mask the workload gets. */
int supervise_prepare(int terminal_fd, sigset_t *out_before, struct err *err);

/* Passes each signal on to `pid` and reaps until it has ended. Its exit status, or 128 + the signal. */
int supervise(pid_t pid);

#endif
