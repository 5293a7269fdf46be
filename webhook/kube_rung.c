/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/kube_rung.h"

#include <time.h>

void kube_rung_init(struct kube_rung *rung)
{
	pthread_condattr_t monotonic;

	pthread_mutex_init(&rung->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&rung->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	rung->rung = false;
}

void kube_rung_done(struct kube_rung *rung)
{
	pthread_cond_destroy(&rung->changed);
	pthread_mutex_destroy(&rung->lock);
}

void kube_rung_ring(struct kube_rung *rung)
{
	pthread_mutex_lock(&rung->lock);
	rung->rung = true;
	pthread_cond_signal(&rung->changed);
	pthread_mutex_unlock(&rung->lock);
}

void kube_rung_wait(struct kube_rung *rung, int64_t ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	int64_t ns = until.tv_nsec + ms % 1000 * 1000000;
	until.tv_sec += ms / 1000 + ns / 1000000000;
	until.tv_nsec = ns % 1000000000;
	pthread_mutex_lock(&rung->lock);
	while (!rung->rung)
		if (pthread_cond_timedwait(&rung->changed, &rung->lock, &until) != 0)
			break;
	rung->rung = false;
	pthread_mutex_unlock(&rung->lock);
}
