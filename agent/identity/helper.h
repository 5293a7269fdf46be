/* SPDX-License-Identifier: Apache-2.0 */
/* helper: the identity helper, a process of its own between the proxy worker, which has no privilege,
 * and /proc, which takes some to read. It answers the questions of message.h and does nothing else:
 * it makes no decision, knows no policy, and sees no byte of any connection. */
#ifndef AGENT_IDENTITY_HELPER_H
#define AGENT_IDENTITY_HELPER_H

#include <stdint.h>
#include <sys/types.h>

#include "lib/err.h"

struct identity_helper_config {
	int channel_fd; /* of identity_helper_channel() */
	int netlink_fd; /* of sockdiag_open(), in the workload's network namespace */
	pid_t init_pid; /* the first process of the sandbox's PID namespace; chains of parents end
			   there, and it is not looked at */
};

struct identity_helper_counts {
	uint64_t answered;
	uint64_t dropped; /* messages that were no question: the worker is broken or taken over */
};

/* The two ends of the channel, close-on-exec; the worker's is non-blocking. Each process closes the
 * other's end: the helper ends when the last copy of the worker's end is closed. */
int identity_helper_channel(int *out_helper_fd, int *out_worker_fd, struct err *err);

/* Runs in the process that becomes the helper, forked by PID 1 with a single thread, in no Landlock
 * domain (confine.h). Closes every
 * descriptor but its own two and standard error, confines itself, then answers until the channel
 * closes (0). -1 where it could not be set up or the channel fails. The caller exits afterwards; until
 * then it may write to standard error, and no more. */
int identity_helper_run(const struct identity_helper_config *config,
			struct identity_helper_counts *out_counts, struct err *err);

#endif
