/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/rules.h"

#include <string.h>
#include <strings.h>

static bool method_is(struct slice method, const char *name)
{
	return strlen(name) == method.n && strncasecmp((const char *)method.p, name, method.n) == 0;
}

/* What is granted or denied for GET is so for HEAD, which asks for the same thing without its body. */
static bool method_matches(struct slice want, struct slice method)
{
	if (want.n == 1 && want.p[0] == '*')
		return true;
	if (want.n == method.n &&
	    strncasecmp((const char *)want.p, (const char *)method.p, want.n) == 0)
		return true;
	return method_is(want, "GET") && method_is(method, "HEAD");
}

static bool any_matches(const struct net_query *want, struct slice value)
{
	for (size_t i = 0; i < want->n; i++)
		if (pattern_matches(&want->any[i], value))
			return true;
	return false;
}

static bool query_matches(const struct net_query *want, const struct query *query, bool all)
{
	size_t seen = 0, matched = 0;

	for (size_t i = 0; i < query->n; i++) {
		const struct query_pair *pair = &query->pairs[i];

		if (pair->key.n != want->key.n ||
		    (want->key.n > 0 && memcmp(pair->key.p, want->key.p, want->key.n) != 0))
			continue;
		seen++;
		matched += any_matches(want, pair->value);
	}
	return all ? seen > 0 && matched == seen : matched > 0;
}

static bool rule_matches(const struct net_rule *rule, const struct inspected *request, bool all)
{
	if (!method_matches(rule->method, request->method) ||
	    !pattern_matches(&rule->path, request->path))
		return false;
	for (size_t i = 0; i < rule->n_queries; i++)
		if (!query_matches(&rule->queries[i], request->query, all))
			return false;
	return true;
}

bool rule_allows(const struct net_rule *rule, const struct inspected *request)
{
	return rule_matches(rule, request, true);
}

bool rule_denies(const struct net_rule *rule, const struct inspected *request)
{
	return rule_matches(rule, request, false);
}

bool access_allows(enum net_access access, struct slice method)
{
	/* Each preset has what the one before it has. */
	static const struct {
		const char *method;
		enum net_access from;
	} methods[] = {
		{ "GET", NET_ACCESS_READ_ONLY },     { "HEAD", NET_ACCESS_READ_ONLY },
		{ "OPTIONS", NET_ACCESS_READ_ONLY }, { "POST", NET_ACCESS_READ_WRITE },
		{ "PUT", NET_ACCESS_READ_WRITE },    { "PATCH", NET_ACCESS_READ_WRITE },
	};

	if (access == NET_ACCESS_FULL)
		return true;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (method_is(method, methods[i].method))
			return access >= methods[i].from;
	return false;
}

const char *access_text(enum net_access access)
{
	static const char *const texts[] = {
		[NET_ACCESS_NONE] = NULL,
		[NET_ACCESS_READ_ONLY] = "access read-only",
		[NET_ACCESS_READ_WRITE] = "access read-write",
		[NET_ACCESS_FULL] = "access full",
	};

	return texts[access];
}
