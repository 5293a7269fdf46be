/* SPDX-License-Identifier: Apache-2.0 */
/* rules: does one rule or preset cover one request? */
#ifndef POLICY_RULES_H
#define POLICY_RULES_H

#include "policy/model.h"
#include "policy/query.h"

/* What rules look at. `query` is decoded. */
struct inspected {
	struct slice method, path;
	const struct query *query;
};

/* Every configured key is there, and all its values match. */
bool rule_allows(const struct net_rule *rule, const struct inspected *request);

/* Every configured key is there, and one of its values matches. */
bool rule_denies(const struct net_rule *rule, const struct inspected *request);

bool access_allows(enum net_access access, struct slice method);

/* "access read-only" */
const char *access_text(enum net_access access);

#endif
