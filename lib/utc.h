/* SPDX-License-Identifier: Apache-2.0 */
/* utc: a time as a date of the Gregorian calendar, by arithmetic alone. libc's gmtime_r() reads TZ and
 * /etc/localtime, which in a pod are the image's. */
#ifndef LIB_UTC_H
#define LIB_UTC_H

#include <stdint.h>
#include <time.h>

enum {
	UTC_YEAR_MIN = 0,
	UTC_YEAR_MAX = 9999,
};

/* Fills all of `out`, as gmtime_r() does. -1, and `out` untouched: not within the years above. */
int utc_split(int64_t unix_s, struct tm *out);

#endif
