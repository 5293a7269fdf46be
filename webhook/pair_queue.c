/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/pair_queue.h"

#include <stdlib.h>

#include "lib/mem.h"

void pair_queue_init(struct pair_queue *queue)
{
	*queue = (struct pair_queue){ .last = PAIR_RANK_WAITING };
	for (int rank = 0; rank < PAIR_RANKS; rank++)
		TAILQ_INIT(&queue->turns[rank]);
}

void pair_queue_done(struct pair_queue *queue)
{
	free(queue->pausing);
}

void pair_share_init(struct pair_share *share)
{
	for (int rank = 0; rank < PAIR_RANKS; rank++)
		TAILQ_INIT(&share->lanes[rank].due);
}

/* --- those that pause ------------------------------------------------------------------------- */

static void place(struct pair_queue *queue, struct pair_item *item, size_t at)
{
	queue->pausing[at] = item;
	item->at = at;
}

static void sift_up(struct pair_queue *queue, struct pair_item *item, size_t at)
{
	for (; at > 0; at = (at - 1) / 2) {
		struct pair_item *parent = queue->pausing[(at - 1) / 2];

		if (parent->due_ms <= item->due_ms)
			break;
		place(queue, parent, at);
	}
	place(queue, item, at);
}

static void sift_down(struct pair_queue *queue, struct pair_item *item, size_t at)
{
	for (size_t child = 2 * at + 1; child < queue->n; at = child, child = 2 * at + 1) {
		if (child + 1 < queue->n &&
		    queue->pausing[child + 1]->due_ms < queue->pausing[child]->due_ms)
			child++;
		if (item->due_ms <= queue->pausing[child]->due_ms)
			break;
		place(queue, queue->pausing[child], at);
	}
	place(queue, item, at);
}

static void end_pause(struct pair_queue *queue, const struct pair_item *item)
{
	struct pair_item *last = queue->pausing[--queue->n];

	if (last == item)
		return;
	sift_down(queue, last, item->at);
	sift_up(queue, last, last->at);
}

/* --- those that are due ----------------------------------------------------------------------- */

static struct pair_lane *lane_of(const struct pair_item *item)
{
	return &item->share->lanes[item->rank];
}

static void leave_lane(struct pair_queue *queue, struct pair_item *item)
{
	struct pair_lane *lane = lane_of(item);

	TAILQ_REMOVE(&lane->due, item, after);
	if (TAILQ_EMPTY(&lane->due))
		TAILQ_REMOVE(&queue->turns[item->rank], lane, turn);
}

void pair_queue_remove(struct pair_queue *queue, struct pair_item *item)
{
	if (item->state == PAIR_ITEM_DUE)
		leave_lane(queue, item);
	else if (item->state == PAIR_ITEM_PAUSES)
		end_pause(queue, item);
	item->state = PAIR_ITEM_OUT;
}

void pair_queue_put(struct pair_queue *queue, struct pair_item *item, enum pair_rank rank)
{
	if (item->state == PAIR_ITEM_DUE && item->rank == rank)
		return;
	pair_queue_remove(queue, item);
	item->rank = rank;
	item->state = PAIR_ITEM_DUE;
	struct pair_lane *lane = lane_of(item);
	if (TAILQ_EMPTY(&lane->due))
		TAILQ_INSERT_TAIL(&queue->turns[rank], lane, turn);
	TAILQ_INSERT_TAIL(&lane->due, item, after);
}

void pair_queue_delay(struct pair_queue *queue, struct pair_item *item, enum pair_rank rank,
		      int64_t due_ms)
{
	pair_queue_remove(queue, item);
	item->rank = rank;
	item->due_ms = due_ms;
	item->state = PAIR_ITEM_PAUSES;
	queue->pausing =
		mem_grow(queue->pausing, queue->n, &queue->cap, sizeof(struct pair_item *));
	sift_up(queue, item, queue->n++);
}

/* Behind what is due already: else what fails again and again would always come first. */
static void end_pauses(struct pair_queue *queue, int64_t now_ms)
{
	while (queue->n > 0 && queue->pausing[0]->due_ms <= now_ms)
		pair_queue_put(queue, queue->pausing[0], queue->pausing[0]->rank);
}

struct pair_item *pair_queue_next(struct pair_queue *queue, int64_t now_ms)
{
	end_pauses(queue, now_ms);
	enum pair_rank rank =
		queue->last == PAIR_RANK_RUNNING ? PAIR_RANK_WAITING : PAIR_RANK_RUNNING;
	if (TAILQ_EMPTY(&queue->turns[rank]))
		rank = queue->last;
	struct pair_lane *lane = TAILQ_FIRST(&queue->turns[rank]);
	if (lane == NULL)
		return NULL;
	struct pair_item *item = TAILQ_FIRST(&lane->due);
	queue->last = rank;
	pair_queue_remove(queue, item);
	/* Its next one comes after everybody else's. */
	if (!TAILQ_EMPTY(&lane->due)) {
		TAILQ_REMOVE(&queue->turns[rank], lane, turn);
		TAILQ_INSERT_TAIL(&queue->turns[rank], lane, turn);
	}
	return item;
}

int64_t pair_queue_wait_ms(const struct pair_queue *queue, int64_t now_ms)
{
	for (int rank = 0; rank < PAIR_RANKS; rank++)
		if (!TAILQ_EMPTY(&queue->turns[rank]))
			return 0;
	if (queue->n == 0)
		return -1;
	return queue->pausing[0]->due_ms > now_ms ? queue->pausing[0]->due_ms - now_ms : 0;
}
