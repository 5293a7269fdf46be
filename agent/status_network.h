/* SPDX-License-Identifier: Apache-2.0 */
/* status_network: what `status` says of the way out at this moment: when the fence was last proved, and what
 * the worker has counted. */
#ifndef AGENT_STATUS_NETWORK_H
#define AGENT_STATUS_NETWORK_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/err.h"

/* Adds "fence" and "worker" to the "network" of a run's state, where that has a way out. `out_problem` is
 * a text that lives for ever: why it does not hold, "" where it does. */
int status_network_add(json_t *state, const char **out_problem, struct err *err);

/* The same for a proxy in another container, whose worker leaves its page at `path`; `fence_holds` was found out by
 * the caller just now. */
int status_network_add_sidecar(json_t *network, const char *path, bool fence_holds,
			       const char **out_problem, struct err *err);

#endif
