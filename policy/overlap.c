/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/overlap.h"

#include <string.h>

#include "lib/cleanup.h"
#include "lib/mem.h"

enum {
	/* A pair of states costs about as much as so many comparisons of two numbers. */
	PAIR_COST = 6,
};

struct charset {
	uint64_t bits[4];
};

/* What a state takes, and what it becomes. A pattern is a list of states; the one behind the last
 * accepts. */
enum state_type {
	STATE_ONE = 0, /* one of `set`, then the next */
	STATE_MANY, /* any number of `set`, then the next */
	STATE_UNTIL, /* anything, and the next behind a separator */
	STATE_MAYBE, /* the next, or the one behind that */
};

struct state {
	enum state_type type;
	struct charset set;
};

struct machine {
	struct state *states;
	size_t n;
	uint8_t separator;
};

static void machine_done(struct machine *m)
{
	free(m->states);
}

static struct charset all_chars(void)
{
	return (struct charset){ { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX } };
}

static void set_put(struct charset *set, uint8_t c, bool in)
{
	uint64_t bit = 1ULL << (c % 64);

	if (in)
		set->bits[c / 64] |= bit;
	else
		set->bits[c / 64] &= ~bit;
}

static struct charset one_char(uint8_t c)
{
	struct charset set = { { 0 } };

	set_put(&set, c, true);
	return set;
}

static struct charset all_but(uint8_t c)
{
	struct charset set = all_chars();

	set_put(&set, c, false);
	return set;
}

static bool sets_meet(const struct charset *a, const struct charset *b)
{
	for (size_t i = 0; i < ARRAY_LEN(a->bits); i++)
		if ((a->bits[i] & b->bits[i]) != 0)
			return true;
	return false;
}

static void push(struct machine *m, enum state_type type, struct charset set)
{
	m->states[m->n++] = (struct state){ type, set };
}

static struct charset class_chars(struct slice class, uint8_t separator)
{
	struct charset set = { { 0 } };

	for (unsigned c = 0; c < 256; c++)
		set_put(&set, (uint8_t)c, c != separator && glob_class_has(class, (uint8_t)c));
	return set;
}

static struct machine machine_of_path(struct slice glob)
{
	struct machine m = { .separator = '/' };

	/* An element makes two states at most. */
	m.states = mem_calloc(glob.n * 2, sizeof(*m.states));
	for (size_t i = 0; i < glob.n;) {
		struct glob_element e = glob_element(glob, i, GLOB_PATH);

		if (e.type == GLOB_CHAR)
			push(&m, STATE_ONE, one_char(e.c));
		else if (e.type == GLOB_ANY)
			push(&m, STATE_ONE, all_but('/'));
		else if (e.type == GLOB_CLASS)
			push(&m, STATE_ONE, class_chars(e.class, '/'));
		else if (e.type == GLOB_STAR)
			push(&m, STATE_MANY, all_but('/'));
		else if (e.type == GLOB_REST)
			push(&m, STATE_MANY, all_chars());
		if (e.type == GLOB_SEGMENTS) {
			push(&m, STATE_MAYBE, all_chars());
			push(&m, STATE_UNTIL, all_chars());
		}
		i += e.n;
	}
	return m;
}

static struct machine machine_of_host(struct slice pattern)
{
	struct machine m = { .separator = '.' };

	m.states = mem_calloc(pattern.n, sizeof(*m.states));
	if (pattern.n >= 3 && memcmp(pattern.p, "**.", 3) == 0) {
		push(&m, STATE_ONE, all_but('.'));
		push(&m, STATE_UNTIL, all_chars());
		pattern = (struct slice){ pattern.p + 3, pattern.n - 3 };
	}
	for (size_t i = 0; i < pattern.n; i++) {
		if (pattern.p[i] == '*')
			push(&m, STATE_MANY, all_but('.'));
		else
			push(&m, STATE_ONE, one_char(pattern.p[i]));
	}
	return m;
}

/* The walk over pairs of states: `seen` has a bit for each, `todo` those still to be looked at. */
struct walk {
	const struct machine *a, *b;
	uint64_t *seen;
	uint32_t *todo;
	size_t n_todo;
};

static void reach(struct walk *w, size_t i, size_t j)
{
	size_t at = i * (w->b->n + 1) + j;
	uint64_t bit = 1ULL << (at % 64);

	if ((w->seen[at / 64] & bit) != 0)
		return;
	w->seen[at / 64] |= bit;
	w->todo[w->n_todo++] = (uint32_t)at;
}

/* Up to two ways on from a state by one character. */
struct steps {
	struct charset sets[2];
	size_t to[2];
	size_t n;
};

static struct steps steps_from(const struct machine *m, size_t at)
{
	const struct state *state = &m->states[at];

	switch (state->type) {
	case STATE_ONE:
		return (struct steps){ { state->set }, { at + 1 }, 1 };
	case STATE_MANY:
		return (struct steps){ { state->set }, { at }, 1 };
	case STATE_UNTIL:
		return (struct steps){ { state->set, one_char(m->separator) }, { at, at + 1 }, 2 };
	case STATE_MAYBE:
		break;
	}
	return (struct steps){ .n = 0 };
}

static void step_freely(struct walk *w, size_t i, size_t j)
{
	enum state_type a = i < w->a->n ? w->a->states[i].type : STATE_ONE;
	enum state_type b = j < w->b->n ? w->b->states[j].type : STATE_ONE;

	if (a == STATE_MANY || a == STATE_MAYBE)
		reach(w, i + 1, j);
	if (a == STATE_MAYBE)
		reach(w, i + 2, j);
	if (b == STATE_MANY || b == STATE_MAYBE)
		reach(w, i, j + 1);
	if (b == STATE_MAYBE)
		reach(w, i, j + 2);
}

static void step_together(struct walk *w, size_t i, size_t j)
{
	if (i == w->a->n || j == w->b->n)
		return;
	struct steps a = steps_from(w->a, i), b = steps_from(w->b, j);

	for (size_t x = 0; x < a.n; x++)
		for (size_t y = 0; y < b.n; y++)
			if (sets_meet(&a.sets[x], &b.sets[y]))
				reach(w, a.to[x], b.to[y]);
}

static bool machines_meet(const struct machine *a, const struct machine *b, size_t *budget)
{
	size_t pairs = (a->n + 1) * (b->n + 1);

	if (pairs * PAIR_COST > *budget) {
		*budget = 0;
		return true;
	}
	AUTO_FREE uint64_t *seen = mem_calloc(pairs / 64 + 1, sizeof(*seen));
	AUTO_FREE uint32_t *todo = mem_calloc(pairs, sizeof(*todo));
	struct walk w = { a, b, seen, todo, 0 };

	*budget -= pairs * PAIR_COST;
	reach(&w, 0, 0);
	while (w.n_todo > 0) {
		size_t at = todo[--w.n_todo];
		size_t i = at / (b->n + 1), j = at % (b->n + 1);

		if (i == a->n && j == b->n)
			return true;
		step_freely(&w, i, j);
		step_together(&w, i, j);
	}
	return false;
}

/* Most patterns differ in a character before their first special one, which is quick to see. */
static bool part_early(struct slice a, struct slice b, const char *special, size_t *budget)
{
	size_t n = a.n < b.n ? a.n : b.n;
	size_t i = 0;

	while (i < n && a.p[i] == b.p[i] && strchr(special, a.p[i]) == NULL)
		i++;
	*budget -= *budget > i ? i : *budget;
	return i < n && a.p[i] != b.p[i] && strchr(special, a.p[i]) == NULL &&
	       strchr(special, b.p[i]) == NULL;
}

static bool globs_overlap(struct slice a, struct slice b, size_t *budget)
{
	if (part_early(a, b, "*?[\\", budget))
		return false;
	AUTO(machine_done) struct machine left = machine_of_path(a);
	AUTO(machine_done) struct machine right = machine_of_path(b);

	return machines_meet(&left, &right, budget);
}

bool path_patterns_overlap(const struct pattern *a, const struct pattern *b, size_t *budget)
{
	for (size_t i = 0; i < a->n; i++)
		for (size_t k = 0; k < b->n; k++)
			if (globs_overlap(a->forms[i].glob, b->forms[k].glob, budget))
				return true;
	return false;
}

bool host_patterns_overlap(struct slice a, struct slice b, size_t *budget)
{
	if (part_early(a, b, "*", budget))
		return false;
	AUTO(machine_done) struct machine left = machine_of_host(a);
	AUTO(machine_done) struct machine right = machine_of_host(b);

	return machines_meet(&left, &right, budget);
}
