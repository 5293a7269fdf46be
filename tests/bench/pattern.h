/* SPDX-License-Identifier: Apache-2.0 */
/* pattern: the bodies that the origin sends and the load client compares byte by byte. The period is no
 * power of two, so that a piece which is lost, doubled or moved is seen. */
#ifndef TESTS_BENCH_PATTERN_H
#define TESTS_BENCH_PATTERN_H

#include <stddef.h>
#include <stdint.h>

enum { PATTERN_PERIOD = 65521, PATTERN_SIZE = PATTERN_PERIOD * 6 };

static unsigned char pattern[PATTERN_SIZE];

static inline void pattern_fill(void)
{
	uint32_t x = 2463534242;

	for (size_t i = 0; i < PATTERN_SIZE; i++) {
		if (i >= PATTERN_PERIOD) {
			pattern[i] = pattern[i - PATTERN_PERIOD];
			continue;
		}
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		pattern[i] = (unsigned char)x;
	}
}

/* What stands at `at` of any body, and how much of it is there in one piece. */
static inline const unsigned char *pattern_at(uint64_t at, size_t *out_n)
{
	size_t offset = (size_t)(at % PATTERN_PERIOD);

	*out_n = PATTERN_SIZE - offset;
	return pattern + offset;
}

#endif
