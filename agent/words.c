/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/proxy_parts.h"

enum { PROXY_UID_MIN = 1000 };

int words_number(const char *text, unsigned long min, unsigned long max, unsigned long *out,
		 struct err *err)
{
	char *end;

	errno = 0;
	unsigned long number = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != '\0' || errno == ERANGE || number < min ||
	    number > max)
		return err_set(err, ERR_INVALID, "'%s' is not a number in %lu..%lu", text, min,
			       max);
	*out = number;
	return 0;
}

int words_proxy_uid(const char *text, uint32_t *out, struct err *err)
{
	unsigned long uid = PROXY_UID;

	if (text != NULL && words_number(text, PROXY_UID_MIN, UINT32_MAX - 1, &uid, err) == -1)
		return err_wrap(err, "--proxy-uid");
	*out = (uint32_t)uid;
	return 0;
}

int words_identity(const char *text, bool *out_relaxed, struct err *err)
{
	*out_relaxed = text != NULL && strcmp(text, "relaxed") == 0;
	if (text == NULL || *out_relaxed || strcmp(text, "required") == 0)
		return 0;
	return err_set(err, ERR_INVALID, "--binary-identity '%s' is not required or relaxed", text);
}
