/* SPDX-License-Identifier: Apache-2.0 */
/* counters: what the worker has done since it started, for metrics and `status`. */
#ifndef AGENT_PROXY_COUNTERS_H
#define AGENT_PROXY_COUNTERS_H

#include <stdint.h>

#include "agent/proxy/refusal.h"

struct proxy_counters {
	uint64_t accepted; /* connections from the workload */
	uint64_t open; /* of these, now */
	uint64_t turned_away; /* answered 503, as there were too many */
	uint64_t connects_allowed, connects_denied;
	uint64_t requests_allowed, requests_denied, requests_malformed;
	uint64_t destinations_denied;
	uint64_t upstream_failed; /* not resolved, not reached, or answered badly */
	uint64_t timeouts;
	uint64_t policies_applied, policies_refused; /* after the one it started with */
	uint64_t closed_by_policy; /* by a new policy that refuses them */
	uint64_t bytes_in, bytes_out; /* from and to destinations */
	uint64_t pool_hits, pool_misses; /* requests that found a connection, and that did not */
	uint64_t refused[REFUSAL_CODES]; /* answers of the proxy itself */
};

#endif
