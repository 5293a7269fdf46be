/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/query.h"

#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/utf8.h"

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_utf8(struct slice s)
{
	while (s.n > 0) {
		size_t n = utf8_len(s);

		if (n == 0)
			return false;
		s.p += n;
		s.n -= n;
	}
	return true;
}

/* Decodes `raw` behind `*end` of the query's bytes. */
static bool decode(struct slice raw, struct query *query, size_t *end, struct slice *out)
{
	uint8_t *to = query->bytes + *end;
	size_t n = 0;

	for (size_t i = 0; i < raw.n; i++) {
		uint8_t c = raw.p[i];

		if (c == '+')
			c = ' ';
		if (raw.p[i] == '%') {
			int high = i + 2 < raw.n ? hex_value(raw.p[i + 1]) : -1;
			int low = i + 2 < raw.n ? hex_value(raw.p[i + 2]) : -1;

			if (high < 0 || low < 0)
				return false;
			c = (uint8_t)(high << 4 | low);
			i += 2;
		}
		to[n++] = c;
	}
	*end += n;
	*out = (struct slice){ to, n };
	return is_utf8(*out);
}

bool query_decode(struct slice raw, struct query *out)
{
	size_t end = 0, pieces = 1;

	*out = (struct query){ 0 };
	if (raw.n == 0)
		return true;
	for (size_t i = 0; i < raw.n; i++) {
		/* The query goes on as it came, so nothing in it may end a request line. */
		if (raw.p[i] <= 0x20 || raw.p[i] == 0x7f || raw.p[i] == '#')
			return false;
		pieces += raw.p[i] == '&';
	}
	out->bytes = mem_calloc(raw.n, 1);
	out->pairs = mem_calloc(pieces, sizeof(*out->pairs));
	for (size_t i = 0; i <= raw.n;) {
		const uint8_t *and = i < raw.n ? memchr(raw.p + i, '&', raw.n - i) : NULL;
		size_t n = and != NULL ? (size_t)(and-raw.p) - i : raw.n - i;
		const uint8_t *is = n > 0 ? memchr(raw.p + i, '=', n) : NULL;
		size_t key_n = is != NULL ? (size_t)(is - raw.p) - i : n;
		size_t value_n = is != NULL ? n - key_n - 1 : 0;
		struct query_pair *pair = &out->pairs[out->n];

		if (n > 0) {
			struct slice key = { raw.p + i, key_n };
			struct slice value = { raw.p + i + n - value_n, value_n };

			if (!decode(key, out, &end, &pair->key) ||
			    !decode(value, out, &end, &pair->value))
				return false;
			out->n++;
		}
		i += n + 1;
	}
	return true;
}

void query_done(struct query *query)
{
	free(query->pairs);
	free(query->bytes);
	*query = (struct query){ 0 };
}
