/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/uri.h"

#include <string.h>

void uri_put_escaped(struct buf *out, const char *text)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	for (const char *p = text; *p != '\0'; p++)
		if (strchr(plain, *p) != NULL)
			buf_put(out, p, 1);
		else
			buf_printf(out, "%%%02X", (unsigned char)*p);
}
