/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/parse.h"

#include "lib/cleanup.h"

enum {
	/* A rule with more is a program; each costs a pass over the request's query. */
	RULE_QUERIES_MAX = 32,
	QUERY_KEY_MAX = 256,
};

static void read_pattern(const struct value *value, void *out)
{
	struct net_query *query = out;
	struct slice text;

	if (value_text(value, &text) &&
	    value_pattern(value, text, GLOB_TEXT, &query->any[query->n]))
		query->n++;
}

static void read_any(const struct value *value, void *out)
{
	struct net_query *query = out;

	query->n = 0;
	query->any = arena_alloc(value->reader->arena, value->node->n, sizeof(*query->any));
	if (value_each(value, "a list of patterns", read_pattern, query) && value->node->n == 0)
		value_error(value, "is an empty list, which matches nothing; name a pattern");
}

static void read_matcher(const struct value *value, struct net_query *out)
{
	static const struct field fields[] = { { "any", read_any } };
	static const struct field_set set = {
		.what = "a query matcher",
		.fields = fields,
		.n = ARRAY_LEN(fields),
	};

	if (value->node->kind == TREE_MAPPING) {
		value_fields(value, &set, out);
		if (value->node->n == 0)
			value_error(value,
				    "is empty; write a pattern, or `any:` and a list of them");
		return;
	}
	out->any = arena_alloc(value->reader->arena, 1, sizeof(*out->any));
	read_pattern(value, out);
}

void parse_query(const struct value *value, struct net_rule *out)
{
	if (!value_is(value, TREE_MAPPING, "a mapping of query keys to patterns"))
		return;
	if (value->node->n == 0 || value->node->n > RULE_QUERIES_MAX) {
		value_error(value, "has %zu keys; name 1 to %d, or remove it", value->node->n,
			    RULE_QUERIES_MAX);
		return;
	}
	struct arena *arena = value->reader->arena;
	struct net_query *queries = arena_alloc(arena, value->node->n, sizeof(*queries));
	size_t n = 0;

	for (const struct tree_node *key = value->node->first; key != NULL && key->next != NULL;
	     key = key->next->next) {
		struct place place = { .parent = value->place, .key = key->text };
		struct value child = { value->reader, key->next, &place };

		if (key->text.n > QUERY_KEY_MAX)
			value_error(&child, "has a key of more than %d bytes; shorten it",
				    QUERY_KEY_MAX);
		queries[n].key.p = (const uint8_t *)arena_copy(arena, key->text);
		queries[n].key.n = key->text.n;
		read_matcher(&child, &queries[n++]);
	}
	out->queries = queries;
	out->n_queries = n;
}
