/* SPDX-License-Identifier: Apache-2.0 */
/* past_proxy: proves, from inside, that a pod whose network others close (NetworkPolicies) reaches its proxy and nothing
 * past it: while a connection to the proxy is answered, those to places that an open pod could reach are not. No byte is
 * sent over any. TCP alone: of a datagram nobody can tell whether it was dropped or not answered. */
#ifndef AGENT_PAST_PROXY_H
#define AGENT_PAST_PROXY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/loop.h"
#include "policy/cidr.h"

enum {
	/* How long the proxy may take to answer, and how much longer than the proxy the other places have. They are in
	 * the cluster, where an answer takes a millisecond. */
	PAST_PROXY_ANSWER_MS = 1000,
	PAST_PROXY_LONGER_MS = 250,
	/* For past_proxy_url(). */
	PAST_PROXY_URL_MAX = 1024,
	/* The API server's, and eight that the platform adds. All are asked at once, by every container, again and again. */
	PAST_PROXY_PLACES_MAX = 9,
};

struct past_proxy_place {
	struct address address;
	uint16_t port;
};

enum past_proxy_result {
	PAST_PROXY_CLOSED = 0, /* the proxy answered, the other places did not */
	PAST_PROXY_OPEN, /* a connection past the proxy came about */
	PAST_PROXY_SILENT, /* the proxy did not answer, so the others' silence proves nothing */
};

/* One that is not to be reached, and the round's connection to it. */
struct past_proxy_way {
	struct past_proxy_place place;
	struct loop_fd to;
	struct past_proxy *round;
};

struct past_proxy {
	struct loop *loop;
	struct past_proxy_place proxy;
	bool alone; /* there is no proxy, and what silence proves is found out elsewhere */
	struct past_proxy_way past[PAST_PROXY_PLACES_MAX]; /* past_proxy_places() */
	size_t n_past;
	void (*done)(void *ctx, enum past_proxy_result result);
	void *ctx;
	struct loop_fd to_proxy; /* its own from here */
	struct loop_timer timer;
	const struct past_proxy_way *reached; /* of the last PAST_PROXY_OPEN */
	bool answered;
};

/* One round; `done` is called once, from the loop, unless it is cancelled. The members before `to_proxy` are the
 * caller's to fill. ERR_SYS where no socket is to be had. */
int past_proxy_begin(struct past_proxy *round, struct err *err);
void past_proxy_cancel(struct past_proxy *round);

/* What a result means, as an error for people; 0 for PAST_PROXY_CLOSED. */
int past_proxy_judge(const struct past_proxy *round, enum past_proxy_result result,
		     struct err *err);

/* Takes ADDRESS:PORT, IPv6 in brackets, several joined by commas, as places that are not to be reached. No names: nothing
 * is asked of DNS. */
int past_proxy_places(const char *text, struct past_proxy *out, struct err *err);

/* The place in http://[USER:PASSWORD@]ADDRESS:PORT, and the URL without the user as `out_shown`. The password is not
 * quoted in what goes wrong. */
int past_proxy_url(const char *url, struct past_proxy_place *out, struct buf *out_shown,
		   struct err *err);

#endif
