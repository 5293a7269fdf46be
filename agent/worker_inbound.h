/* SPDX-License-Identifier: Apache-2.0 */
/* worker_inbound: connections to the workload's ports that the kernel does not lead in (fence.h): the pod's
 * loopback, which is what `kubectl port-forward` connects to, and a family that the pod does not forward.
 * Bytes are passed on as they are; nobody is asked, as the port is open by the pod's own word. */
#ifndef AGENT_WORKER_INBOUND_H
#define AGENT_WORKER_INBOUND_H

#include <stdint.h>

#include "lib/err.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "policy/cidr.h"

struct worker_inbound;

struct worker_inbound_listener {
	int fd; /* listening, non-blocking; stays the caller's */
	struct address to; /* the workload */
	uint16_t port;
};

/* Serves for as long as the loop runs. `listeners` is not needed any more afterwards. */
int worker_inbound_start(struct loop *loop, const struct log *log,
			 const struct worker_inbound_listener *listeners, size_t n,
			 struct worker_inbound **out, struct err *err);

#endif
