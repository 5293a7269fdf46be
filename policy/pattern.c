/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/pattern.h"

#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/mem.h"

struct braces {
	bool found;
	size_t open, close;
	size_t commas;
};

/* The first {...} of `text`. */
static int find_braces(struct slice text, struct braces *out, struct err *err)
{
	struct braces b = { 0 };
	bool open = false;

	for (size_t i = 0, step; i < text.n; i += step) {
		step = glob_skip(text, i);
		if (step == 0)
			return err_set(err, ERR_INVALID, "has a '[' without ']'; write '\\['");
		if (text.p[i] == '{' && open)
			return err_set(err, ERR_INVALID,
				       "has '{' inside '{...}'; spell the alternatives out");
		if (text.p[i] == '{') {
			open = true;
			b.open = i;
		} else if (text.p[i] == '}' && !open) {
			return err_set(err, ERR_INVALID, "has a '}' without '{'; write '\\}'");
		} else if (text.p[i] == '}') {
			b.found = true;
			b.close = i;
			*out = b;
			return 0;
		} else if (text.p[i] == ',' && open) {
			b.commas++;
		}
	}
	if (open)
		return err_set(err, ERR_INVALID, "has a '{' without '}'; write '\\{'");
	*out = b;
	return 0;
}

/* Forms that are still to be looked at, and those that hold no braces any more. */
struct expansion {
	char *texts[PATTERN_ALTERNATIVES_MAX];
	size_t lens[PATTERN_ALTERNATIVES_MAX];
	size_t n;
};

static void expansion_done(struct expansion *e)
{
	for (size_t i = 0; i < e->n; i++)
		free(e->texts[i]);
}

static int push(struct expansion *e, struct slice head, struct slice middle, struct slice tail,
		struct err *err)
{
	if (e->n == PATTERN_ALTERNATIVES_MAX)
		return err_set(err, ERR_LIMIT,
			       "spells out to more than %d alternatives; write several patterns",
			       PATTERN_ALTERNATIVES_MAX);
	struct slice parts[] = { head, middle, tail };
	size_t n = 0;
	char *text = mem_calloc(head.n + middle.n + tail.n + 1, 1);

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		if (parts[i].n > 0)
			memcpy(text + n, parts[i].p, parts[i].n);
		n += parts[i].n;
	}
	e->texts[e->n] = text;
	e->lens[e->n++] = n;
	return 0;
}

/* Replaces form `which` by one form for each alternative of its first braces. */
static int spell_out(struct expansion *e, size_t which, const struct braces *b, struct err *err)
{
	AUTO_FREE char *text = e->texts[which];
	struct slice all = { (const uint8_t *)text, e->lens[which] };
	struct slice head = { all.p, b->open };
	struct slice tail = { all.p + b->close + 1, all.n - b->close - 1 };
	size_t start = b->open + 1;

	e->n--;
	e->texts[which] = e->texts[e->n];
	e->lens[which] = e->lens[e->n];
	for (size_t i = start; i <= b->close; i += glob_skip(all, i)) {
		if (all.p[i] != ',' && i != b->close)
			continue;
		if (push(e, head, (struct slice){ all.p + start, i - start }, tail, err) == -1)
			return -1;
		start = i + 1;
	}
	return 0;
}

static int expand(struct expansion *e, struct err *err)
{
	for (size_t i = 0; i < e->n;) {
		struct slice text = { (const uint8_t *)e->texts[i], e->lens[i] };
		struct braces b = { 0 };

		if (find_braces(text, &b, err) == -1)
			return -1;
		if (!b.found)
			i++;
		else if (spell_out(e, i, &b, err) == -1)
			return -1;
	}
	return 0;
}

/* The literal that `glob` begins with, escapes removed; `out_end` is where it ends in the glob. */
static struct slice literal_of(struct slice glob, enum glob_kind kind, struct arena *arena,
			       size_t *out_end)
{
	uint8_t *text = arena_alloc(arena, glob.n + 1, 1);
	size_t n = 0, i = 0;

	while (i < glob.n) {
		struct glob_element e = glob_element(glob, i, kind);

		if (e.type != GLOB_CHAR)
			break;
		text[n++] = e.c;
		i += e.n;
	}
	*out_end = i;
	return (struct slice){ text, n };
}

static struct pattern_form shape_of(struct slice glob, enum glob_kind kind, struct arena *arena)
{
	size_t end = 0;
	struct slice literal = literal_of(glob, kind, arena, &end);

	if (end == glob.n)
		return (struct pattern_form){ PATTERN_LITERAL, literal, glob };
	struct glob_element e = glob_element(glob, end, kind);
	bool rest = e.type == GLOB_REST || (kind == GLOB_TEXT && e.type == GLOB_STAR);
	if (!rest || end + e.n != glob.n)
		return (struct pattern_form){ PATTERN_GLOB, glob, glob };
	if (literal.n == 0)
		return (struct pattern_form){ PATTERN_ALL, literal, glob };
	return (struct pattern_form){ PATTERN_PREFIX, literal, glob };
}

int pattern_compile(struct slice text, enum glob_kind kind, struct arena *arena,
		    struct pattern *out, struct err *err)
{
	AUTO(expansion_done) struct expansion e = { .n = 0 };
	struct slice none = { 0 };

	if (text.n > PATTERN_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "is %zu bytes long, the limit is %d; shorten it",
			       text.n, PATTERN_BYTES_MAX);
	if (push(&e, text, none, none, err) == -1 || expand(&e, err) == -1)
		return -1;
	for (size_t i = 0; i < e.n; i++) {
		struct slice form = { (const uint8_t *)e.texts[i], e.lens[i] };

		if (glob_check(form, kind, err) == -1)
			return -1;
	}
	struct pattern_form *forms = arena_alloc(arena, e.n, sizeof(*forms));
	for (size_t i = 0; i < e.n; i++) {
		struct slice form = { (const uint8_t *)e.texts[i], e.lens[i] };
		struct slice kept = { (const uint8_t *)arena_copy(arena, form), form.n };

		forms[i] = shape_of(kept, kind, arena);
	}
	*out = (struct pattern){ forms, e.n, kind };
	return 0;
}

static bool form_matches(const struct pattern_form *form, struct slice text, enum glob_kind kind)
{
	switch (form->shape) {
	case PATTERN_LITERAL:
		return form->text.n == text.n && memcmp(form->text.p, text.p, text.n) == 0;
	case PATTERN_PREFIX:
		return form->text.n <= text.n && memcmp(form->text.p, text.p, form->text.n) == 0;
	case PATTERN_ALL:
		return true;
	case PATTERN_GLOB:
		return glob_matches(form->text, text, kind);
	}
	return false;
}

bool pattern_matches(const struct pattern *pattern, struct slice text)
{
	for (size_t i = 0; i < pattern->n; i++)
		if (form_matches(&pattern->forms[i], text, pattern->kind))
			return true;
	return false;
}
