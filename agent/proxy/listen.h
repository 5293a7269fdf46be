/* SPDX-License-Identifier: Apache-2.0 */
/* listen: takes connections from listening sockets that others made, as many as may be open. */
#ifndef AGENT_PROXY_LISTEN_H
#define AGENT_PROXY_LISTEN_H

#include <stdbool.h>

#include "lib/log.h"
#include "lib/loop.h"

enum {
	/* Accepted in one go, before those that are there get their turn. */
	LISTEN_BATCH = 64,
};

/* Borrows what it points to. */
struct listener_config {
	struct loop *loop;
	const struct log *log;
	int fd; /* a listening non-blocking TCP socket; taken over by listener_start() */
	/* Takes over `fd`, accepted, non-blocking and close-on-exec. */
	void (*take)(void *ctx, int fd);
	/* False: nothing is accepted before listener_resume(). NULL: there always is. */
	bool (*has_room)(void *ctx);
	void *ctx;
};

/* A zeroed one does not listen. */
struct listener {
	struct listener_config config;
	struct loop_fd watch;
	struct loop_timer pause;
	bool paused;
	unsigned failures; /* of accept(), one after the other */
};

/* `l` must stay where it is. */
int listener_start(struct listener *l, const struct listener_config *config, struct err *err);

/* There is room again, perhaps. */
void listener_resume(struct listener *l);

/* Stops, and leaves the socket open. Accepts a zeroed one. */
void listener_stop(struct listener *l);

#endif
