/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

struct buf buf_init(size_t max)
{
	return (struct buf){ .max = max };
}

void buf_done(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ .max = b->max };
}

void buf_clear(struct buf *b)
{
	b->n = 0;
	b->overflow = false;
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
	b->p = mem_realloc(b->p, cap, 1);
	b->cap = cap;
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

/* Length of the UTF-8 sequence at the start of `s` (RFC 3629: no surrogates, no overlong forms,
 * nothing above U+10FFFF), or 0. */
static size_t utf8_len(struct slice s)
{
	static const struct {
		uint8_t first, last, second_min, second_max;
		size_t n;
	} forms[] = {
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	if (s.p[0] < 0x80)
		return 1;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (s.p[0] < forms[i].first || s.p[0] > forms[i].last)
			continue;
		if (s.n < forms[i].n || s.p[1] < forms[i].second_min ||
		    s.p[1] > forms[i].second_max)
			return 0;
		for (size_t k = 2; k < forms[i].n; k++)
			if ((s.p[k] & 0xc0) != 0x80)
				return 0;
		return forms[i].n;
	}
	return 0;
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
