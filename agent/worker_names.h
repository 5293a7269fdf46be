/* SPDX-License-Identifier: Apache-2.0 */
/* worker_names: the worker's questions for the addresses of hosts, on its loop. Those who wait for one host at a time
 * wait for one question of the resolver's, so a burst to one host takes no more of its room than one connection. */
#ifndef AGENT_WORKER_NAMES_H
#define AGENT_WORKER_NAMES_H

#include "agent/proxy/resolve.h"
#include "agent/proxy/services.h"
#include "lib/loop.h"

struct worker_names;

int worker_names_new(struct loop *loop, const struct resolve_config *config,
		     struct worker_names **out, struct err *err);

/* Nobody who waits is called. Accepts NULL. */
void worker_names_free(struct worker_names *names);

/* As services.h says of `resolve` and `resolve_cancel`. */
void worker_names_resolve(struct worker_names *names, struct resolve_call *call);
void worker_names_cancel(struct worker_names *names, struct resolve_call *call);

#endif
