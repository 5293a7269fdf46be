/* SPDX-License-Identifier: Apache-2.0 */
/* worker_services: who answers the proxy's questions (agent/proxy/services.h) in a sandbox: the identity
 * helper, the resolver and the table of destinations, on the worker's loop. */
#ifndef AGENT_WORKER_SERVICES_H
#define AGENT_WORKER_SERVICES_H

#include <stdbool.h>

#include "agent/proxy/services.h"
#include "agent/worker_counts.h"
#include "lib/err.h"
#include "lib/loop.h"

struct worker_services;

struct worker_services_config {
	struct loop *loop;
	/* The worker's end of identity_helper_channel(), taken over; -1 where `binaries` are not looked at. */
	int identity_fd;
	struct slice resolv_conf, hosts; /* texts, not needed any more afterwards */
	bool v6;
	/* Addresses of the pod beside those of its own namespace, which are found when one is asked for;
	 * copied. */
	const struct address *own;
	size_t n_own;
};

int worker_services_new(const struct worker_services_config *config, struct worker_services **out,
			struct err *err);
void worker_services_free(struct worker_services *services);

/* Fills in what is counted here. */
void worker_services_count(const struct worker_services *services, struct worker_counts *out);

/* For worker_config; lives as long as `services`. */
const struct services *worker_services_table(struct worker_services *services);

#endif
