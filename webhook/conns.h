/* SPDX-License-Identifier: Apache-2.0 */
/* conns: how many connections may be open, and how long each may stay as it is. The HTTP library's own time limit
 * starts anew with every byte, so a peer that sends one now and then would stay for ever; and at its own limit of
 * connections it takes no more, so that peers which do nothing would keep the others out. Here a new one takes the
 * place of the one that has done nothing for longest. */
#ifndef WEBHOOK_CONNS_H
#define WEBHOOK_CONNS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/* Some API servers with 25 connections each, and room for a burst. */
	CONNS_TLS_MAX = 240,
	/* Probes and scrapers. */
	CONNS_PLAIN_MAX = 16,
	/* Those whose end was brought about and not yet seen stand beside the new ones. */
	CONNS_OPEN_MAX = 2 * (CONNS_TLS_MAX + CONNS_PLAIN_MAX) + 64,
	/* TLS handshake and head of the first request. */
	CONNS_FIRST_MS = 10 * 1000,
	/* Body of a request, and taking its answer: the API server waits 30 s at most. */
	CONNS_REQUEST_MS = 15 * 1000,
	/* Longer than the API server keeps an idle one (90 s): the side that closes an idle connection
	 * must be the one that sends requests, or some get lost. */
	CONNS_IDLE_MS = 120 * 1000,
};

enum conns_group { CONNS_TLS = 0, CONNS_PLAIN, CONNS_GROUPS };

/* In the order in which they have to go: a peer that has asked something is rather an API server. */
enum conn_state { CONN_FIRST = 0, CONN_IDLE, CONN_REQUEST, CONN_ENDED };

struct conn {
	int fd; /* borrowed */
	enum conns_group group;
	enum conn_state state;
	int64_t since_ms; /* it is in this state */
};

struct conns {
	pthread_mutex_t lock;
	struct conn *items[CONNS_OPEN_MAX];
	size_t n;
};

void conns_init(struct conns *conns);

/* Where the group is full, ends the one that has waited for longest; never one with a request under way. NULL where
 * CONNS_OPEN_MAX are there. */
struct conn *conns_add(struct conns *conns, enum conns_group group, int fd, int64_t now_ms);

/* To be called before `fd` is closed; NULL is fine. */
void conns_remove(struct conns *conns, struct conn *conn);

/* The connection is in `state` from now on. */
void conns_enter(struct conns *conns, struct conn *conn, enum conn_state state, int64_t now_ms);

/* Shuts down what is past its time; whoever owns it sees its end and closes it. */
void conns_sweep(struct conns *conns, int64_t now_ms);

size_t conns_count(struct conns *conns);

#endif
