/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/mem.h"

enum {
	/* A place is shown whole unless its keys are absurd. */
	PLACE_TEXT_MAX = 300,
	PLACE_KEY_MAX = 100,
	/* Keys and indexes of one place; the tree is not deeper. */
	PLACE_STEPS_MAX = 64,
	PROBLEM_TEXT_MAX = 600,
};

struct quoted quote(struct slice text)
{
	struct quoted out;
	size_t n = 0;
	/* Room for one escape, the ellipsis, the closing quote and the NUL. */
	const size_t room = sizeof(out.text) - 4 - 3 - 1 - 1;

	out.text[n++] = '\'';
	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = text.p[i];

		if (n > room) {
			memcpy(out.text + n, "...", 3);
			n += 3;
			break;
		}
		if (c >= 0x20 && c < 0x7f)
			out.text[n++] = (char)c;
		else
			n += (size_t)snprintf(out.text + n, 5, "\\x%02x", c);
	}
	out.text[n++] = '\'';
	out.text[n] = '\0';
	return out;
}

static bool is_simple_key(struct slice key)
{
	for (size_t i = 0; i < key.n; i++) {
		uint8_t c = key.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '_' || c == '-'))
			return false;
	}
	return key.n > 0 && key.n <= PLACE_KEY_MAX;
}

static void put_step(struct buf *out, const struct place *step)
{
	if (step->key.p == NULL)
		buf_printf(out, "[%zu]", step->index);
	else if (is_simple_key(step->key))
		buf_printf(out, "%s%.*s", out->n > 0 ? "." : "", (int)step->key.n,
			   (const char *)step->key.p);
	else
		buf_printf(out, "[%s]", quote(step->key).text);
}

char *place_text(const struct place *place)
{
	const struct place *steps[PLACE_STEPS_MAX];
	struct buf text = buf_init(PLACE_TEXT_MAX);
	size_t n = 0;

	for (; place != NULL && n < PLACE_STEPS_MAX; place = place->parent)
		steps[n++] = place;
	while (n > 0)
		put_step(&text, steps[--n]);
	char *copy = mem_strdup(buf_text(&text));
	buf_done(&text);
	return copy;
}

/* Takes `place` over. */
__attribute__((format(printf, 4, 0))) static void add(struct policy_problems *to, struct mark at,
						      char *place, const char *fmt, va_list ap)
{
	char text[PROBLEM_TEXT_MAX];

	if (to->n == POLICY_PROBLEMS_MAX) {
		to->left_off++;
		free(place);
		return;
	}
	vsnprintf(text, sizeof(text), fmt, ap);
	to->items = mem_grow(to->items, to->n, &to->cap, sizeof(*to->items));
	to->items[to->n++] = (struct policy_problem){
		.line = at.line,
		.column = at.column,
		.place = place,
		.text = mem_strdup(text),
	};
}

void report_error(const struct report *report, struct mark at, const struct place *place,
		  const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(report->errors, at, place_text(place), fmt, ap);
	va_end(ap);
}

void report_error_at(const struct report *report, struct mark at, const char *place,
		     const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(report->errors, at, mem_strdup(place), fmt, ap);
	va_end(ap);
}

void report_warning(const struct report *report, struct mark at, const struct place *place,
		    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(report->warnings, at, place_text(place), fmt, ap);
	va_end(ap);
}

size_t report_errors(const struct report *report)
{
	return report->errors->n + report->errors->left_off;
}

static int compare(const void *left, const void *right)
{
	const struct policy_problem *a = left, *b = right;

	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	if (a->column != b->column)
		return a->column < b->column ? -1 : 1;
	return strcmp(a->text, b->text);
}

void report_sort(struct policy_problems *problems)
{
	if (problems->n > 1)
		qsort(problems->items, problems->n, sizeof(*problems->items), compare);
}

void policy_problems_done(struct policy_problems *problems)
{
	for (size_t i = 0; i < problems->n; i++) {
		free(problems->items[i].place);
		free(problems->items[i].text);
	}
	free(problems->items);
	*problems = (struct policy_problems){ 0 };
}
