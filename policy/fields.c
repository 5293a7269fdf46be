/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/fields.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "policy/spell.h"

enum {
	/* As many as nodes: what is spelled out may not make a small text a large policy. */
	FORMS_MAX = TREE_NODES_MAX,
	/* Keys that are tried for what they were meant to be; mappings of honest policies have few. */
	GUESSES_MAX = 32,
};

void value_error(const struct value *value, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	report_error(value->reader->report, value->node->at, value->place, "%s", text);
}

void value_warning(const struct value *value, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	report_warning(value->reader->report, value->node->at, value->place, "%s", text);
}

static bool is_word(struct slice text, const char *word)
{
	return strlen(word) == text.n && memcmp(word, text.p, text.n) == 0;
}

static bool is_one_of(struct slice text, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_word(text, words[i]))
			return true;
	return false;
}

static bool is_null(const struct tree_node *node)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };

	return node->plain && is_one_of(node->text, nulls, ARRAY_LEN(nulls));
}

bool value_is(const struct value *value, enum tree_kind kind, const char *what)
{
	const struct tree_node *node = value->node;

	if (node->kind == kind && !(kind == TREE_SCALAR && is_null(node)))
		return true;
	if (node->kind == TREE_REFUSED)
		return false;
	if (node->kind == TREE_SCALAR && is_null(node))
		value_error(value, "is empty; write %s, or remove the key", what);
	else
		value_error(value, "must be %s, not %s", what,
			    node->kind == TREE_SCALAR ? quote(node->text).text
			    : node->kind == TREE_LIST ? "a list"
						      : "a mapping");
	return false;
}

static const char *nearest_field(const struct field_set *set, struct slice name)
{
	struct speller speller = speller_init(name);

	for (size_t i = 0; i < set->n; i++)
		speller_offer(&speller, set->fields[i].name);
	return speller.best;
}

static void report_unknown(const struct value *value, const struct field_set *set,
			   struct slice name)
{
	if (is_one_of(name, set->later, set->n_later)) {
		value_error(value, "%s is not supported by this version; remove it",
			    quote(name).text);
		return;
	}
	const char *meant = nearest_field(set, name);

	if (meant != NULL) {
		value_error(value, "unknown field %s; did you mean '%s'?", quote(name).text, meant);
		return;
	}
	AUTO(buf_done) struct buf known = buf_init(400);

	for (size_t i = 0; i < set->n; i++)
		buf_printf(&known, "%s%s", i > 0 ? ", " : "", set->fields[i].name);
	value_error(value, "unknown field %s; %s has: %s", quote(name).text, set->what,
		    buf_text(&known));
}

static const struct field *find_field(const struct field_set *set, struct slice name)
{
	for (size_t i = 0; i < set->n; i++)
		if (is_word(name, set->fields[i].name))
			return &set->fields[i];
	return NULL;
}

bool value_fields(const struct value *value, const struct field_set *set, void *out)
{
	if (!value_is(value, TREE_MAPPING, "a mapping"))
		return false;
	for (const struct tree_node *key = value->node->first; key != NULL && key->next != NULL;
	     key = key->next->next) {
		struct place place = { .parent = value->place, .key = key->text };
		struct value child = { value->reader, key->next, &place };
		struct value name = { value->reader, key, &place };

		if (key->kind != TREE_SCALAR)
			continue;
		const struct field *field = find_field(set, key->text);
		if (field != NULL)
			field->read(&child, out);
		else
			report_unknown(&name, set, key->text);
	}
	return true;
}

const struct tree_node *value_child(const struct value *value, const char *name)
{
	const struct tree_node *node = value->node;

	if (node->kind != TREE_MAPPING)
		return NULL;
	for (const struct tree_node *key = node->first; key != NULL && key->next != NULL;
	     key = key->next->next)
		if (key->kind == TREE_SCALAR && is_word(key->text, name))
			return key->next;
	return NULL;
}

bool value_misses(const struct value *value, const struct field_set *set, const char *name)
{
	const struct tree_node *node = value->node;
	size_t looked_at = 0;

	if (value_child(value, name) != NULL)
		return false;
	for (const struct tree_node *key = node->first;
	     key != NULL && key->next != NULL && looked_at < GUESSES_MAX;
	     key = key->next->next, looked_at++) {
		const char *meant =
			find_field(set, key->text) == NULL ? nearest_field(set, key->text) : NULL;

		if (meant != NULL && strcmp(meant, name) == 0)
			return false;
	}
	return true;
}

bool value_bool(const struct value *value, bool *out)
{
	const struct tree_node *node = value->node;

	if (!value_is(value, TREE_SCALAR, "true or false"))
		return false;
	if (!node->plain || !(is_word(node->text, "true") || is_word(node->text, "false"))) {
		value_error(value, "%s is not a boolean; write true or false, without quotes",
			    quote(node->text).text);
		return false;
	}
	*out = is_word(node->text, "true");
	return true;
}

/* What YAML's readers take for a number in some version of YAML: text that looks so needs quotes. */
static bool looks_like_number(struct slice text)
{
	static const char *const names[] = { ".inf",  ".Inf", ".INF", "-.inf",
					     "+.inf", ".nan", ".NaN", ".NAN" };
	char copy[64];
	char *end;

	if (is_one_of(text, names, ARRAY_LEN(names)))
		return true;
	if (text.n == 0 || text.n >= sizeof(copy) || text.p[0] == '\0' ||
	    strchr("+-.0123456789", text.p[0]) == NULL)
		return false;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	if (strncmp(copy, "0o", 2) == 0)
		return strspn(copy + 2, "01234567") == text.n - 2;
	strtod(copy, &end);
	return end != copy && *end == '\0';
}

bool value_text(const struct value *value, struct slice *out)
{
	static const char *const booleans[] = { "true", "True", "TRUE", "false", "False", "FALSE" };
	const struct tree_node *node = value->node;

	if (!value_is(value, TREE_SCALAR, "text"))
		return false;
	if (node->plain && (looks_like_number(node->text) ||
			    is_one_of(node->text, booleans, ARRAY_LEN(booleans)))) {
		value_error(value, "%s is not text; put it in quotes", quote(node->text).text);
		return false;
	}
	if (node->text.n == 0) {
		value_error(value, "is empty text; write a value, or remove the key");
		return false;
	}
	for (size_t i = 0; i < node->text.n; i++) {
		if (node->text.p[i] >= 0x20 && node->text.p[i] != 0x7f)
			continue;
		value_error(value, "%s has a control character; remove it", quote(node->text).text);
		return false;
	}
	*out = node->text;
	return true;
}

bool value_pattern(const struct value *value, struct slice text, enum glob_kind kind,
		   struct pattern *out)
{
	struct err err;

	/* Once is enough to refuse the policy. */
	if (*value->reader->n_forms > FORMS_MAX)
		return false;
	if (pattern_compile(text, kind, value->reader->arena, out, &err) == -1) {
		value_error(value, "%s %s", quote(text).text, err.msg);
		return false;
	}
	*value->reader->n_forms += out->n;
	if (*value->reader->n_forms <= FORMS_MAX)
		return true;
	value_error(value, "the {a,b} of all patterns spell out to more than %d; use fewer of them",
		    FORMS_MAX);
	return false;
}

bool value_number(const struct value *value, unsigned long min, unsigned long max,
		  unsigned long *out)
{
	const struct tree_node *node = value->node;
	char copy[24];

	if (!value_is(value, TREE_SCALAR, "a number"))
		return false;
	const char *text = (const char *)node->text.p;
	bool digits = node->text.n > 0 && strspn(text, "0123456789") == node->text.n &&
		      (text[0] != '0' || node->text.n == 1);
	if (digits && !node->plain) {
		value_error(value, "%s is text; write the number without quotes",
			    quote(node->text).text);
		return false;
	}
	if (!digits) {
		value_error(value, "%s is not a decimal number; write one in %lu..%lu",
			    quote(node->text).text, min, max);
		return false;
	}
	snprintf(copy, sizeof(copy), "%s", text);
	/* Ten digits are past every limit of ours. */
	unsigned long number = node->text.n > 10 ? max + 1 : strtoul(copy, NULL, 10);
	if (number < min || number > max) {
		value_error(value, "%s is out of range; write a number in %lu..%lu",
			    quote(node->text).text, min, max);
		return false;
	}
	*out = number;
	return true;
}

bool value_word(const struct value *value, const char *const *words, size_t n, size_t *out)
{
	AUTO(buf_done) struct buf known = buf_init(300);
	struct slice text;

	if (!value_text(value, &text))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (strlen(words[i]) == text.n &&
		    strncasecmp(words[i], (const char *)text.p, text.n) == 0) {
			*out = i;
			return true;
		}
		buf_printf(&known, "%s%s", i == 0 ? "" : i + 1 == n ? " or " : ", ", words[i]);
	}
	value_error(value, "%s is not known here; write %s", quote(text).text, buf_text(&known));
	return false;
}

bool value_each(const struct value *value, const char *what,
		void (*read)(const struct value *item, void *out), void *out)
{
	size_t index = 0;

	if (!value_is(value, TREE_LIST, what))
		return false;
	for (const struct tree_node *item = value->node->first; item != NULL; item = item->next) {
		struct place place = { .parent = value->place, .index = index };
		struct value child = { value->reader, item, &place };

		read(&child, out);
		index++;
	}
	return true;
}
