/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base64.h"

#include <string.h>

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

/* -1: no digit. */
static int value_of(uint8_t c)
{
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* The bytes of a group whose last `padding` characters are '='; false where it stands for none. */
static bool decode_group(const uint8_t *group, size_t padding, uint8_t out[3])
{
	uint32_t bits = 0;

	for (size_t i = 0; i < 4; i++) {
		int value = i < 4 - padding ? value_of(group[i]) : 0;

		if (value == -1)
			return false;
		bits = bits << 6 | (uint32_t)value;
	}
	out[0] = (uint8_t)(bits >> 16);
	out[1] = (uint8_t)(bits >> 8);
	out[2] = (uint8_t)bits;
	return (padding < 2 || out[1] == 0) && (padding < 1 || out[2] == 0);
}

int base64_take(struct slice text, struct buf *b, struct err *err)
{
	if (text.n % 4 != 0)
		return err_set(err, ERR_INVALID, "base64 of %zu characters", text.n);
	for (size_t at = 0; at < text.n; at += 4) {
		bool last = at + 4 == text.n;
		size_t padding = last && text.p[at + 3] == '=' ? 1 + (text.p[at + 2] == '=') : 0;
		uint8_t bytes[3];

		if (!decode_group(text.p + at, padding, bytes))
			return err_set(err, ERR_INVALID, "no base64 at character %zu", at + 1);
		buf_put(b, bytes, 3 - padding);
	}
	return b->overflow ? err_set(err, ERR_LIMIT, "more than %zu bytes in base64", b->max) : 0;
}
