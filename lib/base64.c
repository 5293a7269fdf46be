/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Up to three bytes; what is missing becomes padding. */
static void encode_group(struct slice group, char out[4])
{
	unsigned bits = (unsigned)group.p[0] << 16 | (group.n > 1 ? (unsigned)group.p[1] << 8 : 0) |
			(group.n > 2 ? group.p[2] : 0U);

	out[0] = digits[bits >> 18];
	out[1] = digits[bits >> 12 & 63];
	out[2] = group.n > 1 ? digits[bits >> 6 & 63] : '=';
	out[3] = group.n > 2 ? digits[bits & 63] : '=';
}

void base64_put(struct buf *b, struct slice data)
{
	char text[1024];
	size_t n = 0;

	while (data.n > 0) {
		size_t take = data.n < 3 ? data.n : 3;

		encode_group((struct slice){ data.p, take }, text + n);
		n += 4;
		data.p += take;
		data.n -= take;
		if (n < sizeof(text) && data.n > 0)
			continue;
		buf_put(b, text, n);
		n = 0;
	}
}
