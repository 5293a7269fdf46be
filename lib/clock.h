/* SPDX-License-Identifier: Apache-2.0 */
/* clock: what time it is, as a number, and rest that can be broken off. */
#ifndef LIB_CLOCK_H
#define LIB_CLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Microseconds and milliseconds of `clock` (clock_gettime(2)). */
int64_t clock_us(clockid_t clock);
int64_t clock_ms(clockid_t clock);

/* Sleeps for `ms`, or until about a tenth of a second after `stop` became true. The sleep of the machine counts. */
void clock_rest(const atomic_bool *stop, int64_t ms);

#endif
