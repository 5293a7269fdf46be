/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/image_facts.h"

#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

struct image_facts *image_facts_new(void)
{
	struct image_facts *facts = mem_calloc(1, sizeof(*facts));

	facts->users = 1;
	facts->user = mem_strdup("");
	facts->working_dir = mem_strdup("");
	return facts;
}

struct image_facts *image_facts_hold(struct image_facts *facts)
{
	atomic_fetch_add(&facts->users, 1);
	return facts;
}

static void words_done(struct image_words *words)
{
	for (size_t i = 0; i < words->n; i++)
		free(words->items[i]);
	free(words->items);
}

void image_facts_release(struct image_facts *facts)
{
	if (facts == NULL || atomic_fetch_sub(&facts->users, 1) > 1)
		return;
	words_done(&facts->entrypoint);
	words_done(&facts->cmd);
	words_done(&facts->volumes);
	free(facts->user);
	free(facts->working_dir);
	free(facts);
}

void image_facts_drop(struct image_facts **slot)
{
	image_facts_release(*slot);
}

void image_words_add(struct image_words *words, const char *text)
{
	words->items = mem_realloc(words->items, words->n + 1, sizeof(*words->items));
	words->items[words->n++] = mem_strdup(text);
}

static bool has(const struct image_words *words, const char *text)
{
	for (size_t i = 0; i < words->n; i++)
		if (strcmp(words->items[i], text) == 0)
			return true;
	return false;
}

static bool words_equal(const struct image_words *a, const struct image_words *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

/* Volumes have no order. */
static bool sets_equal(const struct image_words *a, const struct image_words *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!has(b, a->items[i]))
			return false;
	return true;
}

bool image_facts_agree(const struct image_facts *a, const struct image_facts *b)
{
	return words_equal(&a->entrypoint, &b->entrypoint) && words_equal(&a->cmd, &b->cmd) &&
	       sets_equal(&a->volumes, &b->volumes) && strcmp(a->user, b->user) == 0 &&
	       strcmp(a->working_dir, b->working_dir) == 0;
}
