/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/spell.h"

enum {
	/* Longer words are no slips of the pen for ours, and cost stays bounded. */
	SPELL_WORD_MAX = 40,
};

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

static void rotate(size_t **oldest, size_t **older, size_t **row)
{
	size_t *free_row = *oldest;

	*oldest = *older;
	*older = *row;
	*row = free_row;
}

/* Edit distance in which two swapped neighbours count once (optimal string alignment). */
static size_t distance(struct slice a, struct slice b)
{
	size_t rows[3][SPELL_WORD_MAX + 1];
	size_t *oldest = rows[0], *older = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b.n; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		rotate(&oldest, &older, &row);
		row[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			row[j] = min3(older[j - 1] + (a.p[i - 1] != b.p[j - 1]), older[j] + 1,
				      row[j - 1] + 1);
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] &&
			    a.p[i - 2] == b.p[j - 1] && oldest[j - 2] + 1 < row[j])
				row[j] = oldest[j - 2] + 1;
		}
	}
	return row[b.n];
}

struct speller speller_init(struct slice wrong)
{
	return (struct speller){ .wrong = wrong, .distance = SIZE_MAX };
}

void speller_offer(struct speller *speller, const char *word)
{
	struct slice right = slice_text(word);

	if (speller->wrong.n > SPELL_WORD_MAX || right.n > SPELL_WORD_MAX)
		return;
	size_t d = distance(speller->wrong, right);
	/* More slips are likely in a longer word; in a short one they make another word. */
	size_t most = right.n <= 5 ? 1 : right.n <= 9 ? 2 : 3;
	if (d < speller->distance && d <= most) {
		speller->distance = d;
		speller->best = word;
	}
}
