/* SPDX-License-Identifier: Apache-2.0 */
/* inbound: listeners in the pod for the workload's ports, where connections are passed on by a process
 * and not by the kernel: a family that the pod does not forward, and the pod's own loopback, which is
 * what `kubectl port-forward` connects to. */
#ifndef AGENT_NET_INBOUND_H
#define AGENT_NET_INBOUND_H

#include "agent/net/fence.h"

/* Fills `fence->listeners` for the TCP ports of `config`. A listener on loopback that cannot be had is
 * left out, and so is one for IPv6 where IPv4 clients get in (`fence->closed_v6`); else it is an error.
 * `pod_has_v6`: others reach the pod over IPv6. */
int inbound_listen(const struct fence_config *config, bool pod_has_v6, struct fence *fence,
		   struct err *err);

#endif
