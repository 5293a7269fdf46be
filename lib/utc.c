/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/utc.h"

static const int64_t day_s = 86400;
/* 400 years, and a whole number of weeks. */
static const int64_t days_per_era = 146097;
/* So many of them are added, that nothing below is negative. */
static const int64_t shift_eras = 5;

enum {
	/* From 1 March of year 0: years are counted from March, so that the leap day comes last. */
	DAYS_TO_1970 = 719468,
	DAYS_JANUARY_FEBRUARY = 59,
	DAYS_MARCH_TO_DECEMBER = 306,
	THURSDAY = 4, /* what 1 January 1970 was */
	TM_YEAR_BASE = 1900,
};

static const int64_t first_s = INT64_C(-62167219200); /* 0000-01-01 */
static const int64_t end_s = INT64_C(253402300800); /* 10000-01-01 */

static int is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int utc_split(int64_t unix_s, struct tm *out)
{
	if (unix_s < first_s || unix_s >= end_s)
		return -1;
	int64_t shifted_s = unix_s + shift_eras * days_per_era * day_s;
	int64_t second = shifted_s % day_s;
	int64_t z = shifted_s / day_s + DAYS_TO_1970;
	int64_t day = z % days_per_era;
	int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	int64_t day_of_year = day - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * day_of_year + 2) / 153;
	int64_t civil_year = year + (z / days_per_era - shift_eras) * 400 + (month >= 10);

	*out = (struct tm){
		.tm_sec = (int)(second % 60),
		.tm_min = (int)(second / 60 % 60),
		.tm_hour = (int)(second / 3600),
		.tm_mday = (int)(day_of_year - (153 * month + 2) / 5 + 1),
		.tm_mon = (int)(month < 10 ? month + 2 : month - 10),
		.tm_year = (int)(civil_year - TM_YEAR_BASE),
		.tm_wday = (int)((z - DAYS_TO_1970 + THURSDAY) % 7),
		.tm_yday =
			(int)(day_of_year >= DAYS_MARCH_TO_DECEMBER
				      ? day_of_year - DAYS_MARCH_TO_DECEMBER
				      : day_of_year + DAYS_JANUARY_FEBRUARY + is_leap(civil_year)),
		.tm_zone = "UTC",
	};
	return 0;
}
