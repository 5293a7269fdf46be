/* SPDX-License-Identifier: Apache-2.0 */
/* lookups: threads for reviews that have to ask the API server first, so that those which need not never wait
 * behind them. Bounded: what finds no place, or waits for too long, is told so and asks nobody. */
#ifndef WEBHOOK_LOOKUPS_H
#define WEBHOOK_LOOKUPS_H

#include <stdbool.h>

#include "lib/err.h"

enum {
	LOOKUPS_THREADS = 4,
	/* Waiting and under way; more at once is nobody's kubectl. */
	LOOKUPS_MAX = 64,
	/* What has waited for longer would answer after the API server has given up. */
	LOOKUPS_WAIT_MS = 1000,
};

struct lookups;

/* `work` is called once for each job, on a thread of ours; `late`: it waited for too long. Signals must be blocked
 * by the caller. */
int lookups_start(void (*work)(void *job, bool late), struct lookups **out, struct err *err);

/* Takes a place for a job, which lookups_put() must follow. False: none is free, or the end has come. */
bool lookups_reserve(struct lookups *lookups);
void lookups_put(struct lookups *lookups, void *job);

/* Gives no more places from now on, and waits until every job is done. May be called again. */
void lookups_stop(struct lookups *lookups);

/* lookups_stop(), and frees: once nobody asks for a place any more. NULL is fine. */
void lookups_free(struct lookups *lookups);

#endif
