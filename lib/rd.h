/* SPDX-License-Identifier: Apache-2.0 */
/* rd: a read cursor over bytes somebody else owns. Running past the end sets `bad`, which
 * then sticks: every later read gives zero, so a parser checks once, at its end. */
#ifndef LIB_RD_H
#define LIB_RD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const uint8_t *p;
	size_t n;
};

struct rd {
	struct slice left;
	bool bad;
};

/* Borrows the bytes of a C string, without its NUL. */
static inline struct slice slice_text(const char *text)
{
	return (struct slice){ (const uint8_t *)text, strlen(text) };
}

static inline bool slice_is(struct slice s, const char *text)
{
	size_t n = strlen(text);

	return s.n == n && (n == 0 || memcmp(s.p, text, n) == 0);
}

static inline struct rd rd_init(struct slice s)
{
	return (struct rd){ .left = s };
}

static inline struct slice rd_take(struct rd *r, size_t n)
{
	if (r->bad || n > r->left.n) {
		r->bad = true;
		return (struct slice){ 0 };
	}
	struct slice got = { r->left.p, n };
	r->left.p += n;
	r->left.n -= n;
	return got;
}

static inline uint8_t rd_u8(struct rd *r)
{
	struct slice s = rd_take(r, 1);

	return s.n == 1 ? s.p[0] : 0;
}

static inline uint16_t rd_u16(struct rd *r)
{
	struct slice s = rd_take(r, 2);

	return s.n == 2 ? (uint16_t)(s.p[0] << 8 | s.p[1]) : 0;
}

static inline uint32_t rd_u32(struct rd *r)
{
	struct slice s = rd_take(r, 4);

	return s.n == 4 ? (uint32_t)s.p[0] << 24 | (uint32_t)s.p[1] << 16 | (uint32_t)s.p[2] << 8 |
				  s.p[3]
			: 0;
}

static inline struct rd rd_sub(struct rd *r, size_t n)
{
	struct slice s = rd_take(r, n);

	return (struct rd){ .left = s, .bad = r->bad };
}

#endif
