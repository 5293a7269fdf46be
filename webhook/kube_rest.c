/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/kube_rest.h"

#include <sys/random.h>

#include "lib/clock.h"
#include "webhook/kube_query.h"

uint32_t kube_rest_random(void)
{
	uint32_t random = 0;

	return getrandom(&random, sizeof(random), 0) == (ssize_t)sizeof(random) ? random : 0;
}

void kube_rest(const atomic_bool *stop, unsigned int failures)
{
	clock_rest(stop, kube_query_retry_ms(failures, kube_rest_random()));
}
