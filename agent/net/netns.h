/* SPDX-License-Identifier: Apache-2.0 */
/* netns: the workload's own network namespace. It holds a loopback device and nothing else, so there
 * is no way out of it and none in. */
#ifndef AGENT_NET_NETNS_H
#define AGENT_NET_NETNS_H

#include "lib/err.h"

/* Creates the namespace, brings its loopback up and returns to the caller's own. `out_fd` keeps it
 * alive, close-on-exec. Needs SYS_ADMIN, NET_ADMIN and a single thread. */
int netns_create(int *out_fd, struct err *err);

/* In the child: enters the namespace, then proves that nothing leaves it: a datagram to a documentation
 * address (RFC 5737, RFC 3849) must find no route, in both families. 0, or an errno value (ENOTUNIQ: a
 * datagram went out). Async-signal-safe. */
int netns_enter(int fd);

#endif
