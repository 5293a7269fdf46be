/* SPDX-License-Identifier: Apache-2.0 */
/* netns: the workload's own network namespace. It is made with a loopback device and nothing else, so
 * there is no way out of it and none in, until agent/net/fence.h makes the one that there is to be. */
#ifndef AGENT_NET_NETNS_H
#define AGENT_NET_NETNS_H

#include "lib/err.h"

/* Creates the namespace, brings its loopback up and returns to the caller's own. `out_fd` keeps it
 * alive, close-on-exec. Needs SYS_ADMIN, NET_ADMIN and a single thread. */
int netns_create(int *out_fd, struct err *err);

/* Calls `work` inside the namespace and returns to the caller's own. What is opened there stays there.
 * Needs SYS_ADMIN and a single thread. */
int netns_run(int fd, int (*work)(void *arg, struct err *err), void *arg, struct err *err);

/* In the child: enters the namespace, then proves that nothing leaves it (agent/net/probe.h). 0, or an
 * errno value (ENOTUNIQ: a datagram went out, or may have). Async-signal-safe. */
int netns_enter(int fd);

#endif
