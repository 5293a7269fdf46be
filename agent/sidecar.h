/* SPDX-License-Identifier: Apache-2.0 */
/* sidecar: the proxy in a container of its own, in the network namespace that it shares with the workload's
 * containers and that net-init has fenced. Its parent reads no byte of the network. */
#ifndef AGENT_SIDECAR_H
#define AGENT_SIDECAR_H

#include "agent/net/probe.h"
#include "agent/proxy_processes.h"

#define SIDECAR_PROXY_URL "http://127.0.0.1:3128"

/* Borrows everything. */
struct sidecar_config {
	struct proxy_config proxy;
	const char *state_dir; /* the proxy's alone: keeps the authority while the pod lives */
	const char *tls_dir; /* where the workload reads its certificate */
};

struct sidecar {
	struct proxy_processes processes;
	struct probe probe;
	bool may_prove; /* as another user than the proxy's, who may send */
};

#define SIDECAR_INIT                                                    \
	{                                                               \
		.processes = PROXY_PROCESSES_INIT, .probe = { -1, -1 }, \
	}

/* Serves once it returns. `config` must stay. On failure what was started is ended. */
int sidecar_start(const struct sidecar_config *config, struct sidecar *out, struct err *err);
void sidecar_done(struct sidecar *sidecar);

/* The fence still holds, as far as this user can tell. */
int sidecar_check(const struct sidecar *sidecar, struct err *err);

#endif
