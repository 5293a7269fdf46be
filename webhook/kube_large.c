/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/kube_large.h"

#include <malloc.h>
#include <pthread.h>

enum { LARGE = 256 << 10 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

bool kube_large_begin(size_t n)
{
	if (n > LARGE)
		pthread_mutex_lock(&lock);
	return n > LARGE;
}

void kube_large_end(bool is_large)
{
	if (!is_large)
		return;
	/* The heap of this thread would keep it. */
	malloc_trim(0);
	pthread_mutex_unlock(&lock);
}
