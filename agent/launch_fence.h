/* SPDX-License-Identifier: Apache-2.0 */
/* launch_fence: how a launcher knows that its pod is still fenced: by the packet filter of the pod (sidecar), or by
 * NetworkPolicies (proxy-pod). */
#ifndef AGENT_LAUNCH_FENCE_H
#define AGENT_LAUNCH_FENCE_H

#include "agent/launch_options.h"
#include "agent/net/probe.h"
#include "agent/past_proxy.h"
#include "lib/log.h"

struct launch_fence {
	bool by_others; /* NetworkPolicies */
	struct probe probe; /* else */
	struct past_proxy round;
	bool running; /* a round of it */
	bool silent; /* as the last one found the proxy; said once */
	const struct log *log;
	struct err *err; /* of who runs the loop, for what a round finds */
};

#define LAUNCH_FENCE_INIT           \
	{                           \
		.probe = { -1, -1 } \
	}

/* The packet filter is proved at once; NetworkPolicies were, by fence-check, and are by the rounds from then on.
 * `out_shown` gets the proxy's URL without its password. */
int launch_fence_open(const struct launch_options *o, struct launch_fence *out,
		      struct buf *out_shown, struct err *err);

/* Before the loop runs. Ends the loop where the fence is lost, and says why in *err. */
int launch_fence_watch(struct launch_fence *fence, struct loop *loop, const struct log *log,
		       struct err *err);

/* For supervise_config. */
int launch_fence_check(void *fence, struct err *err);
int launch_fence_check_every_s(const struct launch_fence *fence);

void launch_fence_done(struct launch_fence *fence);

#endif
