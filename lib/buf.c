/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/utf8.h"

/* 19 digits and a sign, and room to be generous with zeros. */
enum { INT_DIGITS_MAX = 24 };

struct buf buf_init(size_t max)
{
	return (struct buf){ .max = max };
}

struct buf buf_init_secret(size_t max)
{
	return (struct buf){ .max = max, .secret = true };
}

static void release(struct buf *b)
{
	if (b->secret && b->p != NULL)
		explicit_bzero(b->p, b->cap);
	free(b->p);
}

void buf_done(struct buf *b)
{
	release(b);
	*b = (struct buf){ .max = b->max, .secret = b->secret };
}

void buf_clear(struct buf *b)
{
	b->n = 0;
	b->overflow = false;
}

static void grow(struct buf *b, size_t cap)
{
	if (!b->secret) {
		b->p = mem_realloc(b->p, cap, 1);
	} else {
		/* realloc() may leave a copy behind. */
		char *p = mem_calloc(cap, 1);

		if (b->n > 0)
			memcpy(p, b->p, b->n);
		release(b);
		b->p = p;
	}
	b->cap = cap;
}

static bool reserve(struct buf *b, size_t n)
{
	if (b->overflow || n > b->max - b->n) {
		b->overflow = true;
		return false;
	}
	size_t need = b->n + n + 1;
	if (need <= b->cap)
		return true;
	size_t cap = b->cap > 0 ? b->cap : 256;
	while (cap < need)
		cap *= 2;
	grow(b, cap);
	return true;
}

void buf_put(struct buf *b, const void *data, size_t n)
{
	if (!reserve(b, n))
		return;
	if (n > 0)
		memcpy(b->p + b->n, data, n);
	b->n += n;
	b->p[b->n] = '\0';
}

void buf_puts(struct buf *b, const char *text)
{
	buf_put(b, text, strlen(text));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	/* Most texts are short: those are printed without taking memory. */
	char few[128];
	va_list ap, again;

	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(few, sizeof(few), fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	if ((size_t)n < sizeof(few)) {
		buf_put(b, few, (size_t)n);
	} else if (reserve(b, (size_t)n)) {
		vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again);
		b->n += (size_t)n;
	}
	va_end(again);
}

void buf_put_int(struct buf *b, int64_t value, unsigned width)
{
	char digits[INT_DIGITS_MAX];
	size_t at = sizeof(digits);
	/* Of the lowest number, too. */
	uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;

	do
		digits[--at] = (char)('0' + left % 10);
	while ((left /= 10) > 0);
	while (at > 1 && sizeof(digits) - at < width)
		digits[--at] = '0';
	if (value < 0)
		digits[--at] = '-';
	buf_put(b, digits + at, sizeof(digits) - at);
}

/* How many bytes at the start need no look at each: ASCII that stands for itself. */
static size_t plain_len(struct slice text)
{
	size_t n = 0;

	while (n < text.n && text.p[n] >= 0x20 && text.p[n] < 0x7f && text.p[n] != '"' &&
	       text.p[n] != '\\')
		n++;
	return n;
}

void buf_put_json(struct buf *b, struct slice text)
{
	buf_put(b, "\"", 1);
	for (;;) {
		struct slice plain = { text.p, plain_len(text) };

		buf_put(b, plain.p, plain.n);
		text.p += plain.n;
		text.n -= plain.n;
		if (text.n == 0)
			break;
		size_t n = utf8_len(text);
		uint8_t c = text.p[0];

		if (n == 0)
			buf_puts(b, "\\ufffd");
		else if (c == '"' || c == '\\')
			buf_printf(b, "\\%c", c);
		else if (c == '\n')
			buf_puts(b, "\\n");
		else if (c == '\t')
			buf_puts(b, "\\t");
		else if (c < 0x20 || c == 0x7f)
			buf_printf(b, "\\u%04x", c);
		else
			buf_put(b, text.p, n);
		n = n > 0 ? n : 1;
		text.p += n;
		text.n -= n;
	}
	buf_put(b, "\"", 1);
}

struct slice buf_slice(const struct buf *b)
{
	return (struct slice){ (const uint8_t *)b->p, b->n };
}

const char *buf_text(const struct buf *b)
{
	return b->p != NULL ? b->p : "";
}
