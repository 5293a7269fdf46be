/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/diff.h"

#include <stdint.h>
#include <stdlib.h>

#include "lib/mem.h"

enum { CONTEXT = 3 };

struct lines {
	struct slice *items; /* without their newlines */
	bool *changed; /* taken away, or added */
	size_t n;
	bool ends_whole; /* the last one has its newline */
};

static size_t count_lines(struct slice text)
{
	size_t n = text.n > 0 && text.p[text.n - 1] != '\n';

	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	return n;
}

static struct lines lines_of(struct slice text)
{
	struct lines lines = { .n = count_lines(text) };

	lines.items = mem_calloc(lines.n, sizeof(*lines.items));
	lines.changed = mem_calloc(lines.n, sizeof(*lines.changed));
	lines.ends_whole = text.n == 0 || text.p[text.n - 1] == '\n';
	for (size_t i = 0; i < lines.n; i++) {
		const uint8_t *end = memchr(text.p, '\n', text.n);
		size_t n = end != NULL ? (size_t)(end - text.p) : text.n;

		lines.items[i] = (struct slice){ text.p, n };
		text.p += n + (end != NULL);
		text.n -= n + (end != NULL);
	}
	return lines;
}

static void lines_done(struct lines *lines)
{
	free(lines->items);
	free(lines->changed);
}

static bool same(const struct lines *a, size_t i, const struct lines *b, size_t k)
{
	/* A last line without newline is another one. */
	bool a_whole = i + 1 < a->n || a->ends_whole;
	bool b_whole = k + 1 < b->n || b->ends_whole;

	return a_whole == b_whole && a->items[i].n == b->items[k].n &&
	       (a->items[i].n == 0 || memcmp(a->items[i].p, b->items[k].p, a->items[i].n) == 0);
}

/* --- the shortest way (Myers, "An O(ND) Difference Algorithm", 1986) ----------------------------- */

/* What lies between the lines that both texts begin and end with. */
struct middle {
	struct lines *a, *b;
	size_t from; /* in both */
	size_t n, m; /* lines of a and of b */
};

/* The furthest line of `a` on each diagonal after d edits is in rows[d * d + d + diagonal]. */
static size_t row(long d)
{
	return (size_t)(d * d + d);
}

static long step(const struct middle *mid, const int32_t *before, long d, long k)
{
	bool down = k == -d || (k != d && before[k - 1] < before[k + 1]);
	long x = d == 0 ? 0 : down ? before[k + 1] : before[k - 1] + 1;
	long y = x - k;

	while (x < (long)mid->n && y < (long)mid->m &&
	       same(mid->a, mid->from + (size_t)x, mid->b, mid->from + (size_t)y))
		x++, y++;
	return x;
}

/* From the end to the beginning, marking what was passed over. */
static void walk_back(const struct middle *mid, const int32_t *rows, long d)
{
	long x = (long)mid->n, y = (long)mid->m;

	for (; d > 0; d--) {
		const int32_t *before = rows + row(d - 1);
		long k = x - y;
		bool down = k == -d || (k != d && before[k - 1] < before[k + 1]);
		long before_k = down ? k + 1 : k - 1;

		x = before[before_k];
		y = x - before_k;
		if (down)
			mid->b->changed[mid->from + (size_t)y] = true;
		else
			mid->a->changed[mid->from + (size_t)x] = true;
	}
}

static bool find_way(const struct middle *mid)
{
	int32_t *rows = NULL;
	bool found = false;

	for (long d = 0; d <= DIFF_EDITS_MAX && !found; d++) {
		rows = mem_realloc(rows, row(d + 1), sizeof(*rows));
		int32_t *now = rows + row(d);
		const int32_t *before = d > 0 ? rows + row(d - 1) : now;

		for (long k = -d; k <= d; k += 2) {
			long x = step(mid, before, d, k);

			now[k] = (int32_t)x;
			if (x < (long)mid->n || x - k < (long)mid->m)
				continue;
			walk_back(mid, rows, d);
			found = true;
			break;
		}
	}
	free(rows);
	return found;
}

static void compare(struct lines *a, struct lines *b)
{
	struct middle mid = { .a = a, .b = b };
	size_t end = 0;

	while (mid.from < a->n && mid.from < b->n && same(a, mid.from, b, mid.from))
		mid.from++;
	while (end < a->n - mid.from && end < b->n - mid.from &&
	       same(a, a->n - 1 - end, b, b->n - 1 - end))
		end++;
	mid.n = a->n - mid.from - end;
	mid.m = b->n - mid.from - end;
	if (find_way(&mid))
		return;
	for (size_t i = 0; i < mid.n; i++)
		a->changed[mid.from + i] = true;
	for (size_t i = 0; i < mid.m; i++)
		b->changed[mid.from + i] = true;
}

/* --- printing ------------------------------------------------------------------------------------ */

static void put_line(const struct lines *lines, size_t i, char mark, struct buf *out)
{
	buf_put(out, &mark, 1);
	buf_put(out, lines->items[i].p, lines->items[i].n);
	buf_puts(out, "\n");
	if (i + 1 == lines->n && !lines->ends_whole)
		buf_puts(out, "\\ No newline at end of file\n");
}

struct hunk {
	size_t a, a_end, b, b_end;
};

static bool is_change(const struct lines *a, size_t i, const struct lines *b, size_t k)
{
	return (i < a->n && a->changed[i]) || (k < b->n && b->changed[k]);
}

/* The changes from (i, k) on that are close enough to be shown together, with what is around them. */
static struct hunk hunk_at(const struct lines *a, const struct lines *b, size_t i, size_t k)
{
	size_t before = i < CONTEXT ? i : CONTEXT;
	struct hunk hunk = { .a = i - before, .b = k - before };
	size_t alike = 0;

	while ((i < a->n || k < b->n) && alike <= (size_t)2 * CONTEXT) {
		if (!is_change(a, i, b, k)) {
			i++, k++, alike++;
			continue;
		}
		while (i < a->n && a->changed[i])
			i++;
		while (k < b->n && b->changed[k])
			k++;
		hunk.a_end = i;
		hunk.b_end = k;
		alike = 0;
	}
	for (size_t n = 0; n < CONTEXT && hunk.a_end < a->n && hunk.b_end < b->n; n++)
		hunk.a_end++, hunk.b_end++;
	return hunk;
}

/* patch(1) counts from 1, but names the line before where there is none. */
static size_t first_line(size_t from, size_t end)
{
	return from == end ? from : from + 1;
}

static void put_hunk(const struct lines *a, const struct lines *b, const struct hunk *hunk,
		     struct buf *out)
{
	size_t i = hunk->a, k = hunk->b;

	buf_printf(out, "@@ -%zu,%zu +%zu,%zu @@\n", first_line(hunk->a, hunk->a_end),
		   hunk->a_end - hunk->a, first_line(hunk->b, hunk->b_end), hunk->b_end - hunk->b);
	while (i < hunk->a_end || k < hunk->b_end) {
		if (i < hunk->a_end && a->changed[i])
			put_line(a, i++, '-', out);
		else if (k < hunk->b_end && b->changed[k])
			put_line(b, k++, '+', out);
		else
			put_line(a, i++, ' ', out), k++;
	}
}

void diff_unified(struct slice before, struct slice after, const char *name, struct buf *out)
{
	struct lines a = lines_of(before);
	struct lines b = lines_of(after);
	size_t i = 0, k = 0;
	bool is_headed = false;

	compare(&a, &b);
	while (i < a.n || k < b.n) {
		if (!is_change(&a, i, &b, k)) {
			i++, k++;
			continue;
		}
		if (!is_headed)
			buf_printf(out, "--- %s\n+++ %s\n", name, name);
		is_headed = true;
		struct hunk hunk = hunk_at(&a, &b, i, k);
		put_hunk(&a, &b, &hunk, out);
		i = hunk.a_end;
		k = hunk.b_end;
	}
	lines_done(&a);
	lines_done(&b);
}
