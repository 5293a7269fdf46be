/* SPDX-License-Identifier: Apache-2.0 */
/* kube_rest: the pause before an API server is asked again. */
#ifndef WEBHOOK_KUBE_REST_H
#define WEBHOOK_KUBE_REST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* For kube_query_retry_ms() after so many failures in a row; broken off soon after `stop` became true. */
void kube_rest(const atomic_bool *stop, unsigned int failures);

/* What makes several replicas drift apart; 0 where there is no randomness to be had. */
uint32_t kube_rest_random(void);

#endif
