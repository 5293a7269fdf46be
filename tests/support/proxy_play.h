/* SPDX-License-Identifier: Apache-2.0 */
/* proxy_play: the whole connection machine of the worker, between scripted peers on both sides, in one process
 * and on one loop. A script is bytes; these have a meaning, all others are sent as they are:
 *
 *   clients   0xFC  the next client connects          0xFE  everybody gets their turn
 *             0xFD  the other policy (the first allows, the second refuses all)
 *             0xFB  the client says that it is done   0xFA  it resets the connection
 *             0xF9  the next client connects without a proxy, where the byte behind it says (enum play_place,
 *                   from '0'), once DNS has told the address
 *             0xF7  the client speaks TLS from here on, and asks for rest.test
 *             0xF8  what follows, up to the next of these, is a question for DNS by UDP
 *   0xFF      ends the clients' part, and then each origin's, in the order in which they are connected to
 *   origins   0xFE  waits for more of the request     0xFD  closes     0xFA  resets
 *
 * What arrives at the origins is judged by a reader of its own, which shares no code with the worker's. */
#ifndef TESTS_SUPPORT_PROXY_PLAY_H
#define TESTS_SUPPORT_PROXY_PLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/rd.h"

enum {
	PLAY_REST_PORT = 8080, /* of "rest.test": GET below /ok/ is allowed */
	PLAY_BYTES_PORT = 8081, /* of "bytes.test": any bytes */
	PLAY_CLIENTS_MAX = 4,
	PLAY_ORIGINS_MAX = 6,
	PLAY_SCRIPT_MAX = 1 << 16,
};

/* What came of it. */
struct play_outcome {
	const char *wrong; /* NULL, or which promise of the proxy was broken */
	size_t requests; /* whole heads that reached an origin */
	size_t bytes; /* that reached an origin which policy does not look into */
	size_t answers; /* whole heads that reached a client */
	size_t left_open; /* connections of the worker once all peers were gone */
};

/* Told true before the play itself calls the C library or the loop, and false once the worker may run again. */
typedef void play_aside(bool own);

/* Plays `script`, at most PLAY_SCRIPT_MAX bytes of it, with a worker of its own; `aside` may be NULL. Aborts
 * where this machine lacks what the play itself needs. */
struct play_outcome proxy_play(struct slice script, play_aside *aside);

#endif
