/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/clock.h"

enum { STEP_MS = 100 };

int64_t clock_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_ms(clockid_t clock)
{
	return clock_us(clock) / 1000;
}

void clock_rest(const atomic_bool *stop, int64_t ms)
{
	const struct timespec step = { .tv_nsec = STEP_MS * 1000000L };
	int64_t until = clock_ms(CLOCK_BOOTTIME) + ms;

	while (!*stop && clock_ms(CLOCK_BOOTTIME) < until)
		nanosleep(&step, NULL);
}
