/* SPDX-License-Identifier: Apache-2.0 */
/* resolve_leg: one question (a name, a type) on its way through the nameservers: by UDP from a new
 * socket, and so a new random port, with a new random id each time; by TCP where the answer is cut; the
 * next server where one fails or is silent. Never blocks. */
#ifndef AGENT_PROXY_RESOLVE_LEG_H
#define AGENT_PROXY_RESOLVE_LEG_H

#include "agent/proxy/resolve_conf.h"
#include "agent/proxy/resolve_msg.h"

enum {
	/* Of an answer by TCP: over 200 addresses. */
	RESOLVE_TCP_MAX = 8192,
	/* Datagrams that are not the answer, from one server: guesses. After this many the question is
	 * asked anew, with another id and port. */
	RESOLVE_STRAYS_MAX = 32,
};

enum leg_state { LEG_FAILED = 0, LEG_UDP, LEG_TCP_CONNECTING, LEG_TCP, LEG_DONE };

struct leg {
	enum leg_state state;
	enum resolve_type type;
	enum resolve_reading reading; /* LEG_DONE: RESOLVE_ABSENT or RESOLVE_FOUND */
	struct resolve_answer answer;
	int fd; /* -1 where none is open */
	uint16_t id;
	unsigned tries, strays;
	int64_t deadline_ms;
	uint8_t *tcp; /* what has come by TCP, with its two bytes of length */
	size_t tcp_n;
};

/* What legs share. Borrows. */
struct leg_context {
	const struct resolve_conf *conf;
	uint16_t port; /* of nameservers */
	int epoll_fd;
	uint64_t tag; /* of the leg in epoll's answers */
	const struct resolve_name *name;
	int64_t now_ms;
};

void leg_start(const struct leg_context *context, enum resolve_type type, struct leg *out);
void leg_done(struct leg *leg);
bool leg_is_over(const struct leg *leg);

/* Its descriptor is ready; harmless if it is not. */
void leg_ready(const struct leg_context *context, struct leg *leg);

/* Moves on if its server has been silent for too long. */
void leg_expire(const struct leg_context *context, struct leg *leg);

#endif
