/* SPDX-License-Identifier: Apache-2.0 */
/* pod_fence: the fence of a pod in which workload and proxy share the network namespace, told apart by
 * UID. One packet filter, in the caller's namespace, replaced as a whole; nothing else is set up. */
#ifndef AGENT_NET_POD_FENCE_H
#define AGENT_NET_POD_FENCE_H

#include "agent/net/nft_rules.h"
#include "agent/net/probe.h"

/* Loads nft_rules_shared() and proves it by a datagram of the caller's, who must not be the proxy's UID.
 * Refuses to stand beside a service mesh. Needs NET_ADMIN. Idempotent. */
int pod_fence_build(const struct nft_fence *rules, struct err *err);

#endif
