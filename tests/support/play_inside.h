/* SPDX-License-Identifier: Apache-2.0 */
/* play_inside: for a play, the sandbox of a program that knows of no proxy. It asks the worker's DNS over a real
 * socket and connects where the answer says: in place of the packet filter, the play brings that connection to a
 * listener of its own for each place, and the linker puts __wrap_socket_original() in the place of the question
 * to the kernel where it was going. */
#ifndef TESTS_SUPPORT_PLAY_INSIDE_H
#define TESTS_SUPPORT_PLAY_INSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/proxy/inside.h"
#include "policy/cidr.h"

enum play_place {
	PLAY_REST, /* the address that DNS gives for rest.test */
	PLAY_BYTES, /* bytes.test */
	PLAY_NOBODY, /* an address of no name */
	PLAY_BARE, /* the origin's own address */
	PLAY_DNS, /* DNS itself, by TCP */
	PLAY_PLACES,
};

struct play_inside {
	struct inside sockets;
	uint32_t address; /* of all sockets, in host order */
	uint16_t ports[PLAY_PLACES], dns_port;
	struct address going_to[PLAY_PLACES]; /* zeros: DNS has told none */
	int asker; /* UDP, to DNS */
	const char *wrong; /* NULL, or which promise of the DNS was broken */
};

/* Opens its sockets, which a worker then takes over as `sockets`. One at a time. */
void play_inside_open(struct play_inside *inside, uint32_t address);

/* Sends a question, whatever it is. */
void play_inside_ask(const struct play_inside *inside, const void *message, size_t n);

/* Asks for the name of `place`; nothing for places without one. */
void play_inside_ask_for(const struct play_inside *inside, enum play_place place);

/* Takes the answers that have come and judges them: with `refuses`, nothing may have an address. */
void play_inside_hear(struct play_inside *inside, bool refuses);

/* Whether a program could connect there: DNS has told an address, or none is needed. */
bool play_inside_knows(const struct play_inside *inside, enum play_place place);

void play_inside_close(struct play_inside *inside);

#endif
