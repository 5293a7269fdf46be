/* SPDX-License-Identifier: Apache-2.0 */
/* past_proxy: proves, from inside, that a pod whose network others close (NetworkPolicies) reaches its proxy and nothing
 * past it: while a connection to the proxy is answered, one to a place that every pod could reach is not. No byte is
 * sent over either. */
#ifndef AGENT_PAST_PROXY_H
#define AGENT_PAST_PROXY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/loop.h"
#include "policy/cidr.h"

enum {
	/* How long the proxy may take to answer, and how much longer than the proxy the other place has. Both are in
	 * the cluster, where an answer takes a millisecond. */
	PAST_PROXY_ANSWER_MS = 1000,
	PAST_PROXY_LONGER_MS = 250,
	/* For past_proxy_url(). */
	PAST_PROXY_URL_MAX = 1024,
};

struct past_proxy_place {
	struct address address;
	uint16_t port;
};

enum past_proxy_result {
	PAST_PROXY_CLOSED = 0, /* the proxy answered, the other place did not */
	PAST_PROXY_OPEN, /* a connection past the proxy came about */
	PAST_PROXY_SILENT, /* the proxy did not answer, so the other's silence proves nothing */
};

struct past_proxy {
	struct loop *loop;
	struct past_proxy_place proxy, past;
	void (*done)(void *ctx, enum past_proxy_result result);
	void *ctx;
	struct loop_fd to_proxy, to_past; /* its own from here */
	struct loop_timer timer;
	bool answered;
};

/* One round; `done` is called once, from the loop, unless it is cancelled. The first five members are the caller's to
 * fill. ERR_SYS where no socket is to be had. */
int past_proxy_begin(struct past_proxy *round, struct err *err);
void past_proxy_cancel(struct past_proxy *round);

/* What a result means, as an error for people; 0 for PAST_PROXY_CLOSED. */
int past_proxy_judge(const struct past_proxy *round, enum past_proxy_result result,
		     struct err *err);

/* ADDRESS:PORT, IPv6 in brackets. No names: nothing is asked of DNS. */
int past_proxy_place_parse(const char *text, struct past_proxy_place *out, struct err *err);

/* The place in http://[USER:PASSWORD@]ADDRESS:PORT, and the URL without the user as `out_shown`. The password is not
 * quoted in what goes wrong. */
int past_proxy_url(const char *url, struct past_proxy_place *out, struct buf *out_shown,
		   struct err *err);

#endif
