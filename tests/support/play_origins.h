/* SPDX-License-Identifier: Apache-2.0 */
/* play_origins: the servers of a play. Each connection to one plays the next part of the script, and what arrived
 * is judged by a reader of its own, which shares no code with the worker's. */
#ifndef TESTS_SUPPORT_PLAY_ORIGINS_H
#define TESTS_SUPPORT_PLAY_ORIGINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/play_peer.h"

/* What has a meaning in a script, for origins and for clients. */
enum {
	PLAY_RESET = 0xfa,
	PLAY_POLICY_OR_CLOSE = 0xfd,
	PLAY_PAUSE = 0xfe,
};

struct play_origin {
	struct play_origins *all;
	struct play_peer peer;
	bool is_bytes; /* policy does not look into what it gets */
};

struct play_listening {
	struct play_origins *all;
	struct loop_fd watch;
	bool is_bytes;
};

struct play_origins {
	const struct play_stage *stage;
	struct play_listening listening[2];
	struct play_origin origins[PLAY_ORIGINS_MAX];
	struct slice parts[PLAY_ORIGINS_MAX]; /* of the script, set by the play */
	size_t n; /* of `origins`, that were connected to */
	bool refused; /* set by the play: nothing may arrive */
	bool speak_tls; /* set by the play: those that policy looks into, to who begins with it */
	const char *wrong; /* NULL, or which promise was broken */
};

void play_origins_open(struct play_origins *all, const struct play_stage *stage);

/* Adds what arrived to `out`; `sent` is what all clients sent. */
void play_origins_judge(const struct play_origins *all, struct slice sent,
			struct play_outcome *out);

/* All connections end. */
void play_origins_leave(struct play_origins *all);

void play_origins_close(struct play_origins *all);

#endif
