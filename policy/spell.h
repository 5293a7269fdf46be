/* SPDX-License-Identifier: Apache-2.0 */
/* spell: the known word that an unknown one was probably meant to be. */
#ifndef POLICY_SPELL_H
#define POLICY_SPELL_H

#include "lib/rd.h"

struct speller {
	struct slice wrong;
	const char *best; /* NULL while no word is near enough */
	size_t distance;
};

struct speller speller_init(struct slice wrong);
void speller_offer(struct speller *speller, const char *word);

#endif
