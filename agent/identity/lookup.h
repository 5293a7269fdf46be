/* SPDX-License-Identifier: Apache-2.0 */
/* lookup: answers one question of the proxy worker: which program holds this connection. */
#ifndef AGENT_IDENTITY_LOOKUP_H
#define AGENT_IDENTITY_LOOKUP_H

#include <stdint.h>

#include "agent/identity/message.h"
#include "agent/identity/owners.h"
#include "agent/identity/trust.h"

struct lookup {
	int netlink_fd; /* of sockdiag_open() */
	int proc_fd; /* /proc */
	pid_t init_pid, self_pid;
	pid_t parent_pid; /* one of the agent's that is not the sandbox's first, or 0 */
	uint32_t sequence;
	struct trust trust;
	int64_t processes_at; /* in /proc */
	struct hints hints;
	struct identity_paths other; /* too large for a stack */
};

/* Borrows the descriptors. Returns an owned one. */
struct lookup *lookup_new(int netlink_fd, int proc_fd, pid_t init_pid);
void lookup_free(struct lookup *lookup);

/* Fills `out` but for its id. `asker` is the process that asked: it is not one of the workload's. */
void lookup_answer(struct lookup *lookup, const struct identity_request *request, pid_t asker,
		   struct identity_answer *out);

#endif
