/* SPDX-License-Identifier: Apache-2.0 */
/* queue: bytes on their way: put in at the end, taken from the front. Owned memory that is given back when
 * the queue is empty, so that an idle connection holds none. Who fills it says how much it may hold. */
#ifndef AGENT_PROXY_QUEUE_H
#define AGENT_PROXY_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/rd.h"

/* A zeroed one is empty. */
struct queue {
	uint8_t *p;
	size_t start, n, cap;
};

/* Room to write into behind what is there: `want` bytes or more, but never so that the queue would hold
 * more than `max`; then `out_n` is less, and 0 if it is full. May move what is there. */
uint8_t *queue_room(struct queue *q, size_t want, size_t max, size_t *out_n);

/* `n` bytes were written into the room. */
void queue_filled(struct queue *q, size_t n);

/* The caller has bounded `data`. */
void queue_put(struct queue *q, struct slice data);

/* Borrows; until the next call that changes the queue. */
struct slice queue_bytes(const struct queue *q);

/* The first `n` bytes are done with. The rest does not move. */
void queue_take(struct queue *q, size_t n);

/* Gives the memory back if the queue is empty. */
void queue_rest(struct queue *q);

void queue_done(struct queue *q);

#endif
