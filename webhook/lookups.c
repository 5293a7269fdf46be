/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/lookups.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/mem.h"

struct lookup {
	void *job;
	int64_t since_ms;
};

struct lookups {
	void (*work)(void *job, bool late);
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t threads[LOOKUPS_THREADS];
	size_t n_threads;
	struct lookup queue[LOOKUPS_MAX]; /* a ring; a place is reserved for each */
	size_t first, n;
	size_t reserved; /* and not done */
	bool stop;
};

/* False: the end has come, and nothing is left or will come. */
static bool take(struct lookups *lookups, struct lookup *out)
{
	pthread_mutex_lock(&lookups->lock);
	while (lookups->n == 0 && !(lookups->stop && lookups->reserved == 0))
		pthread_cond_wait(&lookups->changed, &lookups->lock);
	bool found = lookups->n > 0;
	if (found) {
		*out = lookups->queue[lookups->first];
		lookups->first = (lookups->first + 1) % LOOKUPS_MAX;
		lookups->n--;
	}
	pthread_mutex_unlock(&lookups->lock);
	return found;
}

static void *run(void *cls)
{
	struct lookups *lookups = cls;
	struct lookup lookup;

	while (take(lookups, &lookup)) {
		lookups->work(lookup.job,
			      clock_ms(CLOCK_MONOTONIC) - lookup.since_ms > LOOKUPS_WAIT_MS);
		pthread_mutex_lock(&lookups->lock);
		lookups->reserved--;
		pthread_cond_broadcast(&lookups->changed);
		pthread_mutex_unlock(&lookups->lock);
	}
	return NULL;
}

int lookups_start(void (*work)(void *job, bool late), struct lookups **out, struct err *err)
{
	struct lookups *lookups = mem_calloc(1, sizeof(*lookups));

	lookups->work = work;
	pthread_mutex_init(&lookups->lock, NULL);
	pthread_cond_init(&lookups->changed, NULL);
	while (lookups->n_threads < LOOKUPS_THREADS) {
		errno = pthread_create(&lookups->threads[lookups->n_threads], NULL, run, lookups);
		if (errno != 0) {
			err_sys(err, "a thread for look-ups");
			lookups_free(lookups);
			return -1;
		}
		lookups->n_threads++;
	}
	*out = lookups;
	return 0;
}

bool lookups_reserve(struct lookups *lookups)
{
	pthread_mutex_lock(&lookups->lock);
	bool free_place = !lookups->stop && lookups->reserved < LOOKUPS_MAX;
	if (free_place)
		lookups->reserved++;
	pthread_mutex_unlock(&lookups->lock);
	return free_place;
}

void lookups_put(struct lookups *lookups, void *job)
{
	pthread_mutex_lock(&lookups->lock);
	lookups->queue[(lookups->first + lookups->n) % LOOKUPS_MAX] =
		(struct lookup){ job, clock_ms(CLOCK_MONOTONIC) };
	lookups->n++;
	pthread_cond_broadcast(&lookups->changed);
	pthread_mutex_unlock(&lookups->lock);
}

void lookups_stop(struct lookups *lookups)
{
	pthread_mutex_lock(&lookups->lock);
	lookups->stop = true;
	pthread_cond_broadcast(&lookups->changed);
	pthread_mutex_unlock(&lookups->lock);
	for (size_t i = 0; i < lookups->n_threads; i++)
		pthread_join(lookups->threads[i], NULL);
	lookups->n_threads = 0;
}

void lookups_free(struct lookups *lookups)
{
	if (lookups == NULL)
		return;
	lookups_stop(lookups);
	pthread_mutex_destroy(&lookups->lock);
	pthread_cond_destroy(&lookups->changed);
	free(lookups);
}
