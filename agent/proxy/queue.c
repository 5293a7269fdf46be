/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

enum { QUEUE_MIN = 512 };

static void grow(struct queue *q, size_t need)
{
	size_t cap = q->cap > 0 ? q->cap : QUEUE_MIN;

	while (cap < need)
		cap *= 2;
	uint8_t *p = mem_realloc(NULL, cap, 1);
	if (q->n > 0)
		memcpy(p, q->p + q->start, q->n);
	free(q->p);
	q->p = p;
	q->cap = cap;
	q->start = 0;
}

/* Makes `n` bytes of room at the end. */
static void reserve(struct queue *q, size_t n)
{
	if (q->cap - q->start - q->n >= n)
		return;
	if (q->n + n > q->cap) {
		grow(q, q->n + n);
		return;
	}
	memmove(q->p, q->p + q->start, q->n);
	q->start = 0;
}

uint8_t *queue_room(struct queue *q, size_t want, size_t max, size_t *out_n)
{
	size_t allowed = q->n < max ? max - q->n : 0;

	*out_n = 0;
	if (allowed == 0)
		return NULL;
	reserve(q, want < allowed ? want : allowed);
	size_t there = q->cap - q->start - q->n;
	*out_n = there < allowed ? there : allowed;
	return q->p + q->start + q->n;
}

void queue_filled(struct queue *q, size_t n)
{
	assert(n <= q->cap - q->start - q->n);
	q->n += n;
}

void queue_put(struct queue *q, struct slice data)
{
	if (data.n == 0)
		return;
	reserve(q, data.n);
	memcpy(q->p + q->start + q->n, data.p, data.n);
	q->n += data.n;
}

struct slice queue_bytes(const struct queue *q)
{
	return (struct slice){ q->p != NULL ? q->p + q->start : NULL, q->n };
}

void queue_take(struct queue *q, size_t n)
{
	assert(n <= q->n);
	q->n -= n;
	q->start = q->n > 0 ? q->start + n : 0;
}

void queue_rest(struct queue *q)
{
	if (q->n == 0)
		queue_done(q);
}

void queue_done(struct queue *q)
{
	free(q->p);
	*q = (struct queue){ 0 };
}
