/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Up to three bytes; what is missing becomes padding. */
static void put_group(struct buf *b, struct slice group)
{
	unsigned bits = (unsigned)group.p[0] << 16 | (group.n > 1 ? (unsigned)group.p[1] << 8 : 0) |
			(group.n > 2 ? group.p[2] : 0U);
	char text[4] = { digits[bits >> 18], digits[bits >> 12 & 63], digits[bits >> 6 & 63],
			 digits[bits & 63] };

	for (size_t i = group.n + 1; i < sizeof(text); i++)
		text[i] = '=';
	buf_put(b, text, sizeof(text));
}

void base64_put(struct buf *b, struct slice data)
{
	for (; data.n > 3; data.p += 3, data.n -= 3)
		put_group(b, (struct slice) { data.p, 3 });
	if (data.n > 0)
		put_group(b, data);
}
