/* SPDX-License-Identifier: Apache-2.0 */
/* pair_queue: which piece of work comes next. Namespaces take turns, so that who has much of it keeps nobody else
 * waiting; and pairs that run take turns with those that wait, so that neither is kept waiting by many of the other.
 * Pure; one thread at a time. Items are their owner's, who takes them out before they go. */
#ifndef WEBHOOK_PAIR_QUEUE_H
#define WEBHOOK_PAIR_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

enum pair_rank {
	PAIR_RANK_RUNNING = 0, /* something that is in use, and to be kept right */
	PAIR_RANK_WAITING, /* something that is not yet in use, or not any more */
	PAIR_RANKS,
};

/* Zeroed: in no queue. */
struct pair_item {
	TAILQ_ENTRY(pair_item) after;
	struct pair_share *share;
	int64_t due_ms; /* of one that pauses */
	size_t at; /* its place among those that pause */
	enum pair_rank rank;
	enum { PAIR_ITEM_OUT = 0, PAIR_ITEM_DUE, PAIR_ITEM_PAUSES } state;
};

TAILQ_HEAD(pair_items, pair_item);

struct pair_lane {
	struct pair_items due;
	TAILQ_ENTRY(pair_lane) turn;
};

/* What one namespace has. */
struct pair_share {
	struct pair_lane lanes[PAIR_RANKS];
};

TAILQ_HEAD(pair_turns, pair_lane);

struct pair_queue {
	struct pair_turns turns[PAIR_RANKS]; /* those that have something due */
	enum pair_rank last;
	struct pair_item **pausing; /* a heap, the earliest first */
	size_t n, cap;
};

void pair_queue_init(struct pair_queue *queue);
void pair_queue_done(struct pair_queue *queue);

void pair_share_init(struct pair_share *share);

/* Due at once, behind what its share has due of that rank; one that is due already keeps its place. */
void pair_queue_put(struct pair_queue *queue, struct pair_item *item, enum pair_rank rank);

/* Due from then on. */
void pair_queue_delay(struct pair_queue *queue, struct pair_item *item, enum pair_rank rank,
		      int64_t due_ms);

void pair_queue_remove(struct pair_queue *queue, struct pair_item *item);

/* Takes out whose turn it is; NULL: nothing is due. */
struct pair_item *pair_queue_next(struct pair_queue *queue, int64_t now_ms);

/* How long until something is due; -1: nothing will be. */
int64_t pair_queue_wait_ms(const struct pair_queue *queue, int64_t now_ms);

#endif
