/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/synthetic.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

/* 198.18.0.0/15 */
static const uint32_t range = 198U << 24 | 18U << 16;
/* Of a table; without the first and the last, which look like a network's own. */
static const uint32_t part_size = SYNTHETIC_MAX + 2;

struct synthetic_entry {
	struct host_name name;
	uint32_t number; /* from 1 */
};

/* The tree is balanced, so no choice of names makes it slow. */
static int compare(const void *a, const void *b)
{
	const struct synthetic_entry *x = a, *y = b;

	return strcmp(x->name.text, y->name.text);
}

static uint32_t base_of(const struct synthetic *table)
{
	return range + table->table * part_size;
}

static struct address address_of(uint32_t v4)
{
	const uint8_t bytes[4] = { (uint8_t)(v4 >> 24), (uint8_t)(v4 >> 16), (uint8_t)(v4 >> 8),
				   (uint8_t)v4 };

	return address_v4(bytes);
}

bool synthetic_covers(struct address address)
{
	const uint8_t *v4 = address.bytes + 12;

	return address_is_v4(address) && v4[0] == range >> 24 &&
	       (v4[1] & 0xfe) == (range >> 16 & 0xff);
}

static struct synthetic_entry *add(struct synthetic *table, const struct host_name *name)
{
	struct synthetic_entry *entry = mem_calloc(1, sizeof(*entry));

	entry->name = *name;
	table->entries = mem_grow(table->entries, table->n, &table->cap, sizeof(void *));
	table->entries[table->n++] = entry;
	entry->number = (uint32_t)table->n;
	if (tsearch(entry, &table->by_name, compare) == NULL)
		abort(); /* as lib/mem.h does */
	return entry;
}

bool synthetic_address(struct synthetic *table, const struct host_name *name, bool wild,
		       struct address *out)
{
	const struct synthetic_entry key = { .name = *name };
	struct synthetic_entry *const *found = tfind(&key, &table->by_name, compare);
	const struct synthetic_entry *entry = found != NULL ? *found : NULL;

	if (entry == NULL) {
		if (table->n == SYNTHETIC_MAX || (wild && table->n_wild == SYNTHETIC_WILD_MAX))
			return false;
		table->n_wild += wild;
		entry = add(table, name);
	}
	*out = address_of(base_of(table) + entry->number);
	return true;
}

const struct host_name *synthetic_name(const struct synthetic *table, struct address address)
{
	const uint8_t *v4 = address.bytes + 12;

	if (!synthetic_covers(address))
		return NULL;
	/* Of another table it is far too large, below this one too. */
	uint32_t number =
		((uint32_t)v4[0] << 24 | (uint32_t)v4[1] << 16 | (uint32_t)v4[2] << 8 | v4[3]) -
		base_of(table);
	return number >= 1 && number <= table->n ? &table->entries[number - 1]->name : NULL;
}

void synthetic_done(struct synthetic *table)
{
	for (size_t i = 0; i < table->n; i++) {
		tdelete(table->entries[i], &table->by_name, compare);
		free(table->entries[i]);
	}
	free(table->entries);
	*table = (struct synthetic){ 0 };
}
