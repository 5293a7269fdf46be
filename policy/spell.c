/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/spell.h"

enum {
	/* Longer words are no slips of the pen for ours, and cost stays bounded. */
	SPELL_WORD_MAX = 40,
	SPELL_DISTANCE_MAX = 2,
};

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/* Levenshtein's edit distance. */
static size_t distance(struct slice a, struct slice b)
{
	size_t row[SPELL_WORD_MAX + 1];

	for (size_t j = 0; j <= b.n; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			size_t substitute = diagonal + (a.p[i - 1] != b.p[j - 1]);

			diagonal = row[j];
			row[j] = min3(substitute, row[j] + 1, row[j - 1] + 1);
		}
	}
	return row[b.n];
}

struct speller speller_init(struct slice wrong)
{
	return (struct speller) { .wrong = wrong, .distance = SPELL_DISTANCE_MAX + 1 };
}

void speller_offer(struct speller *speller, const char *word)
{
	struct slice right = slice_text(word);

	if (speller->wrong.n > SPELL_WORD_MAX || right.n > SPELL_WORD_MAX)
		return;
	size_t d = distance(speller->wrong, right);
	/* Half of a short word is another word. */
	if (d < speller->distance && d * 2 < right.n) {
		speller->distance = d;
		speller->best = word;
	}
}
