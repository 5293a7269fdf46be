/* SPDX-License-Identifier: Apache-2.0 */
/* fields: reads values and mappings of the tree. What a mapping may hold is a table; each reader
 * reports what is wrong with its value and goes on, so one pass finds every mistake. */
#ifndef POLICY_FIELDS_H
#define POLICY_FIELDS_H

#include "policy/pattern.h"
#include "policy/tree.h"

struct reader {
	struct arena *arena; /* where what is read lives */
	const struct report *report;
	size_t *n_forms; /* of all patterns so far */
};

/* One node that is being read. */
struct value {
	const struct reader *reader;
	const struct tree_node *node;
	const struct place *place;
};

struct field {
	const char *name;
	void (*read)(const struct value *value, void *out);
};

struct field_set {
	const char *what; /* "an endpoint" */
	const struct field *fields;
	size_t n;
	/* Fields that exist elsewhere but not in this version: refused, but not as typing mistakes. */
	const char *const *later;
	size_t n_later;
};

__attribute__((format(printf, 2, 3))) void value_error(const struct value *value, const char *fmt,
						       ...);
__attribute__((format(printf, 2, 3))) void value_warning(const struct value *value, const char *fmt,
							 ...);

/* Reads each known field of a mapping into `out` and reports the others. False if it is no mapping. */
bool value_fields(const struct value *value, const struct field_set *set, void *out);

/* The value of key `name` of a mapping; NULL if it has none. */
const struct tree_node *value_child(const struct value *value, const char *name);

/* True where a mapping has no key `name`, not even a misspelt one, which is reported already. */
bool value_misses(const struct value *value, const struct field_set *set, const char *name);

/* The node's kind is `kind`; if not, that has been reported. `what` is "a list of paths". */
bool value_is(const struct value *value, enum tree_kind kind, const char *what);

/* A plain true or false. */
bool value_bool(const struct value *value, bool *out);

/* Text: quoted, or plain and not something else in YAML (a number, a boolean, null). Not empty, no
 * control characters. Borrows from the tree. */
bool value_text(const struct value *value, struct slice *out);

/* `text`, which comes from `value`, as a pattern. False after a report. */
bool value_pattern(const struct value *value, struct slice text, enum glob_kind kind,
		   struct pattern *out);

/* A plain decimal number in min..max. */
bool value_number(const struct value *value, unsigned long min, unsigned long max,
		  unsigned long *out);

/* The number of the word in `words`, ignoring case. Unknown ones are reported with the whole list. */
bool value_word(const struct value *value, const char *const *words, size_t n, size_t *out);

/* Calls `read` for each item; `out` is handed through. False if it is no list. */
bool value_each(const struct value *value, const char *what,
		void (*read)(const struct value *item, void *out), void *out);

#endif
