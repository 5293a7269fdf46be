/* SPDX-License-Identifier: Apache-2.0 */
/* no_zones: keeps the image's time zone files out of the static agent. OpenSSL asks for dates in UTC when it makes
 * and verifies certificates, and libc's own gmtime_r() opens what TZ names, or /etc/localtime. */
#include <errno.h>
#include <time.h>

#include "lib/utc.h"

struct tm *gmtime_r(const time_t *restrict at, struct tm *restrict out)
{
	if (utc_split(*at, out) == 0)
		return out;
	errno = EOVERFLOW;
	return NULL;
}
