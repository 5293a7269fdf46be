/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/parse.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

enum {
	/* Names go into events and a response header. */
	NAME_BYTES_MAX = 128,
};

/* Keys that the composition of policies gives out itself. */
static const char reserved_prefix[] = "_provider_";

static bool check_name(const struct value *value, struct slice name)
{
	if (name.n == 0 || name.n > NAME_BYTES_MAX) {
		value_error(value, "has a name of %zu bytes; write 1 to %d", name.n,
			    NAME_BYTES_MAX);
		return false;
	}
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] >= 0x20 && name.p[i] < 0x7f)
			continue;
		value_error(value, "%s is not printable ASCII; write another name",
			    quote(name).text);
		return false;
	}
	return true;
}

static void read_name(const struct value *value, void *out)
{
	struct net_policy *policy = out;
	struct slice text;

	if (value_text(value, &text) && check_name(value, text))
		policy->name = arena_copy(value->reader->arena, text);
}

static void read_endpoints(const struct value *value, void *out)
{
	struct net_policy *policy = out;

	if (!value_is(value, TREE_LIST, "a list of endpoints"))
		return;
	policy->endpoints =
		arena_alloc(value->reader->arena, value->node->n, sizeof(*policy->endpoints));
	for (const struct tree_node *node = value->node->first; node != NULL; node = node->next) {
		struct place place = { .parent = value->place, .index = policy->n_endpoints };
		struct value item = { value->reader, node, &place };
		struct net_endpoint *endpoint = &policy->endpoints[policy->n_endpoints++];
		AUTO_FREE char *text = place_text(&place);

		endpoint->place = arena_copy(value->reader->arena, slice_text(text));
		parse_endpoint(&item, endpoint);
	}
}

static void read_binary_path(const struct value *value, void *out)
{
	struct net_binary *binary = out;
	struct slice text;

	if (!value_text(value, &text))
		return;
	if (text.p[0] != '/' && (text.n < 2 || memcmp(text.p, "**", 2) != 0)) {
		value_error(value, "%s is not absolute; write the path from '/'", quote(text).text);
		return;
	}
	/* Only '*' makes a pattern: "/usr/bin/[" is a program. */
	binary->glob = memchr(text.p, '*', text.n) != NULL;
	if (binary->glob && !value_pattern(value, text, GLOB_PATH, &binary->pattern))
		return;
	binary->path.p = (const uint8_t *)arena_copy(value->reader->arena, text);
	binary->path.n = text.n;
}

/* Accepted, without meaning here. */
static void read_harness(const struct value *value, void *out)
{
	(void)value;
	(void)out;
}

static void read_binary(const struct value *value, void *out)
{
	static const struct field fields[] = {
		{ "path", read_binary_path },
		{ "harness", read_harness },
	};
	static const struct field_set set = {
		.what = "a binary",
		.fields = fields,
		.n = ARRAY_LEN(fields),
	};
	struct net_policy *policy = out;

	if (value->node->kind == TREE_SCALAR && value->node->text.n > 0) {
		value_error(value, "must be a mapping; write `path: ` before %s",
			    quote(value->node->text).text);
		return;
	}
	if (value_fields(value, &set, &policy->binaries[policy->n_binaries]) &&
	    value_misses(value, &set, "path"))
		value_error(value, "needs `path`; write the path of the executable");
	if (policy->binaries[policy->n_binaries].path.n > 0)
		policy->n_binaries++;
}

static int compare_binaries(const void *left, const void *right)
{
	const struct net_binary *a = left, *b = right;

	if (a->glob != b->glob)
		return a->glob ? 1 : -1;
	return strcmp((const char *)a->path.p, (const char *)b->path.p);
}

static void read_binaries(const struct value *value, void *out)
{
	struct net_policy *policy = out;

	/* One more, as the next is written before it is known to be good. */
	policy->binaries =
		arena_alloc(value->reader->arena, value->node->n + 1, sizeof(*policy->binaries));
	value_each(value, "a list of binaries", read_binary, policy);
	if (policy->n_binaries > 1)
		qsort(policy->binaries, policy->n_binaries, sizeof(*policy->binaries),
		      compare_binaries);
	while (policy->n_exact_binaries < policy->n_binaries &&
	       !policy->binaries[policy->n_exact_binaries].glob)
		policy->n_exact_binaries++;
}

static void read_policy(const struct value *value, struct slice key, struct net_policy *out)
{
	static const struct field fields[] = {
		{ "name", read_name },
		{ "endpoints", read_endpoints },
		{ "binaries", read_binaries },
	};
	static const struct field_set set = {
		.what = "a network policy",
		.fields = fields,
		.n = ARRAY_LEN(fields),
	};

	if (key.n >= strlen(reserved_prefix) &&
	    memcmp(key.p, reserved_prefix, strlen(reserved_prefix)) == 0)
		value_error(value, "names that begin with '%s' are reserved; choose another",
			    reserved_prefix);
	else
		check_name(value, key);
	out->key = out->name = arena_copy(value->reader->arena, key);
	if (!value_fields(value, &set, out))
		return;
	const struct tree_node *binaries = value_child(value, "binaries");
	if (binaries == NULL || (binaries->kind == TREE_LIST && binaries->n == 0))
		value_warning(value,
			      "names no `binaries`, so it matches no program unless identity is"
			      " relaxed; list the executables");
	if (value_misses(value, &set, "endpoints"))
		value_warning(value, "names no `endpoints`, so it allows nothing");
}

static int compare_policies(const void *left, const void *right)
{
	const struct net_policy *a = left, *b = right;
	int order = strcmp(a->name, b->name);

	return order != 0 ? order : strcmp(a->key, b->key);
}

void parse_network(const struct value *value, struct model *out)
{
	if (!value_is(value, TREE_MAPPING, "a mapping of names to policies"))
		return;
	struct net_policy *before = out->policies;
	out->policies =
		arena_alloc(value->reader->arena, out->n + value->node->n, sizeof(*out->policies));
	if (out->n > 0)
		memcpy(out->policies, before, out->n * sizeof(*before));
	for (const struct tree_node *key = value->node->first; key != NULL && key->next != NULL;
	     key = key->next->next) {
		struct place place = { .parent = value->place, .key = key->text };
		struct value child = { value->reader, key->next, &place };

		if (key->kind == TREE_SCALAR)
			read_policy(&child, key->text, &out->policies[out->n++]);
	}
	if (out->n > 1)
		qsort(out->policies, out->n, sizeof(*out->policies), compare_policies);
	out->n_endpoints = 0;
	out->n_binaries = 0;
	for (size_t i = 0; i < out->n; i++) {
		struct net_policy *policy = &out->policies[i];

		out->n_endpoints += policy->n_endpoints;
		out->n_binaries += policy->n_binaries;
		for (size_t k = 0; k < policy->n_endpoints; k++)
			policy->endpoints[k].policy = (uint32_t)i;
	}
}
