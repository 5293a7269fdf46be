/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/parse.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

enum {
	/* What a decision shows of a rule. */
	RULE_TEXT_MAX = 200,
	RULE_PATH_SHOWN = 120,
};

/* A rule that is being read. */
struct draft {
	struct net_rule *rule;
	bool encoded_slash; /* of the endpoint */
};

static bool is_token_char(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_';
}

static bool is_known_method(const char *method)
{
	static const char *const known[] = { "*",     "GET",    "HEAD",  "POST",     "PUT",
					     "PATCH", "DELETE", "TRACE", "OPTIONS",  "CONNECT",
					     "QUERY", "REPORT", "LOCK",  "UNLOCK",   "COPY",
					     "MOVE",  "MKCOL",  "MERGE", "PROPFIND", "PROPPATCH",
					     "SEARCH" };

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(known[i], method) == 0)
			return true;
	return false;
}

static void read_method(const struct value *value, void *out)
{
	struct draft *draft = out;
	struct slice text;

	if (!value_text(value, &text))
		return;
	uint8_t *upper = (uint8_t *)arena_copy(value->reader->arena, text);
	bool legal = text.n <= POLICY_METHOD_MAX;
	for (size_t i = 0; i < text.n; i++) {
		legal = legal && (is_token_char(text.p[i]) || (text.n == 1 && text.p[0] == '*'));
		if (upper[i] >= 'a' && upper[i] <= 'z')
			upper[i] -= 'a' - 'A';
	}
	if (!legal) {
		value_error(value,
			    "%s is not one HTTP method; write a rule for each, or '*' in quotes "
			    "for any",
			    quote(text).text);
		return;
	}
	if (!is_known_method((const char *)upper))
		value_warning(value, "%s is not a common HTTP method; check its spelling",
			      quote(text).text);
	draft->rule->method = (struct slice){ upper, text.n };
}

static void read_path(const struct value *value, void *out)
{
	struct draft *draft = out;

	parse_path_pattern(value, draft->encoded_slash, &draft->rule->path);
}

static void read_query(const struct value *value, void *out)
{
	struct draft *draft = out;

	parse_query(value, draft->rule);
}

static const char *const later_fields[] = {
	"command", "operation_type", "operation_name", "fields", "tool", "params",
};

static const struct field rule_fields[] = {
	{ "method", read_method },
	{ "path", read_path },
	{ "query", read_query },
};

static const struct field_set rule_set = {
	.what = "a rule",
	.fields = rule_fields,
	.n = ARRAY_LEN(rule_fields),
	.later = later_fields,
	.n_later = ARRAY_LEN(later_fields),
};

/* "GET /repos (query)", from the values as they stand in the tree, so that it reads as it was written. */
static const char *rule_text(const struct value *value, const struct net_rule *rule)
{
	const struct tree_node *path = value_child(value, "path");
	struct buf text = buf_init(RULE_TEXT_MAX);

	buf_put(&text, rule->method.p, rule->method.n);
	buf_printf(&text, " %.*s%s", RULE_PATH_SHOWN,
		   path != NULL ? (const char *)path->text.p : "**",
		   rule->n_queries > 0 ? " (with a query)" : "");
	const char *copy = arena_copy(value->reader->arena, buf_slice(&text));
	buf_done(&text);
	return copy;
}

static void read_allow(const struct value *value, void *out)
{
	struct draft *draft = out;

	if (!value_fields(value, &rule_set, draft))
		return;
	/* An absent field would match nothing, which is never meant. */
	if (value_misses(value, &rule_set, "method"))
		value_error(value, "needs `method`; write one, or '*' in quotes for any");
	if (value_misses(value, &rule_set, "path"))
		value_error(value, "needs `path`; write one from '/', or '**' in quotes for any");
	draft->rule->text = rule_text(value, draft->rule);
}

void parse_allow_rule(const struct value *value, bool encoded_slash, struct net_rule *out)
{
	static const struct field fields[] = { { "allow", read_allow } };
	static const struct field_set set = {
		.what = "an item of rules",
		.fields = fields,
		.n = ARRAY_LEN(fields),
	};
	struct draft draft = { .rule = out, .encoded_slash = encoded_slash };

	if (value_fields(value, &set, &draft) && value->node->n == 0)
		value_error(value, "is empty; write `allow:` with `method` and `path`");
}

void parse_deny_rule(const struct value *value, bool encoded_slash, struct net_rule *out)
{
	struct draft draft = { .rule = out, .encoded_slash = encoded_slash };
	struct err err;

	/* An absent field denies whatever stands there: the reading that denies more. */
	out->method = slice_text("*");
	if (pattern_compile(slice_text("**"), GLOB_PATH, value->reader->arena, &out->path, &err) ==
	    -1)
		abort();
	if (!value_fields(value, &rule_set, &draft))
		return;
	if (value->node->n == 0)
		value_error(value, "is empty; name `method`, `path` or `query`");
	out->text = rule_text(value, out);
}
