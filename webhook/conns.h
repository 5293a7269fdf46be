/* SPDX-License-Identifier: Apache-2.0 */
/* conns: how long each open connection may stay as it is. The HTTP library's own time limit starts
 * anew with every byte, so a peer that sends one now and then would stay for ever. */
#ifndef WEBHOOK_CONNS_H
#define WEBHOOK_CONNS_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/* Some API servers with 25 connections each, and room for a burst. */
	CONNS_MAX = 256,
	/* TLS handshake and head of the first request. */
	CONNS_FIRST_MS = 10 * 1000,
	/* Body of a request, and taking its answer: the API server waits 30 s at most. */
	CONNS_REQUEST_MS = 15 * 1000,
	/* Longer than the API server keeps an idle one (90 s): the side that closes an idle connection
	 * must be the one that sends requests, or some get lost. */
	CONNS_IDLE_MS = 120 * 1000,
};

struct conn {
	int fd; /* borrowed */
	int64_t deadline_ms;
};

struct conns {
	pthread_mutex_t lock;
	struct conn *items[CONNS_MAX];
	size_t n;
};

void conns_init(struct conns *conns);

/* NULL where CONNS_MAX are open. */
struct conn *conns_add(struct conns *conns, int fd, int64_t now_ms);

/* To be called before `fd` is closed; NULL is fine. */
void conns_remove(struct conns *conns, struct conn *conn);

/* From now on the connection may stay for `ms`. */
void conns_allow(struct conns *conns, struct conn *conn, int64_t now_ms, int64_t ms);

/* Shuts down what is past its time; whoever owns it sees its end and closes it. */
void conns_sweep(struct conns *conns, int64_t now_ms);

size_t conns_count(struct conns *conns);

#endif
