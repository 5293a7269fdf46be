/* SPDX-License-Identifier: Apache-2.0 */
/* listen: takes connections from listening sockets that others made, as many as may be open. */
#ifndef AGENT_PROXY_LISTEN_H
#define AGENT_PROXY_LISTEN_H

#include "agent/proxy/conn.h"

enum {
	/* Above the limit a connection is told so; above these it waits in the kernel's queue. */
	LISTEN_TURNED_AWAY_MAX = 64,
	/* Accepted in one go, before those that are there get their turn. */
	LISTEN_BATCH = 64,
};

struct listener {
	struct proxy *proxy;
	struct loop_fd watch;
	struct loop_timer pause;
	bool paused;
	unsigned failures; /* of accept(), one after the other */
};

/* Takes over `fd`, a listening non-blocking TCP socket. `l` must stay where it is. */
int listener_start(struct listener *l, struct proxy *proxy, int fd, struct err *err);

/* There is room again, perhaps. */
void listener_resume(struct listener *l);

/* Closes the socket. Accepts a zeroed one. */
void listener_stop(struct listener *l);

#endif
