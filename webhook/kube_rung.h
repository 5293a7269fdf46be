/* SPDX-License-Identifier: Apache-2.0 */
/* kube_rung: where a thread waits until a bell (kube_bell) rang, or for a time. */
#ifndef WEBHOOK_KUBE_RUNG_H
#define WEBHOOK_KUBE_RUNG_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct kube_rung {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool rung;
};

void kube_rung_init(struct kube_rung *rung);
void kube_rung_done(struct kube_rung *rung);

/* Ends the wait that is under way, or the next one. From any thread. */
void kube_rung_ring(struct kube_rung *rung);

/* For `ms` at most; what rang since the last wait ends it at once. */
void kube_rung_wait(struct kube_rung *rung, int64_t ms);

#endif
