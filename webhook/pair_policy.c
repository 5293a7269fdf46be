/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/pair_policy.h"

#include <string.h>

#include "lib/cleanup.h"
#include "webhook/pair_names.h"

static bool is_role(const json_t *value)
{
	const char *text = json_string_value(value);

	return text != NULL && strcmp(text, PAIR_ROLE_AGENT) == 0;
}

static bool names_agent(const json_t *values)
{
	for (size_t i = 0; i < json_array_size(values); i++)
		if (is_role(json_array_get(values, i)))
			return true;
	return false;
}

/* Whether no pod with role `agent` is what the expression asks for. */
static bool rules_out(const json_t *expression)
{
	const char *key = json_member_text(expression, "key");
	const char *operator= json_member_text(expression, "operator");
	const json_t *values = json_member(expression, "values");

	if (key == NULL || operator== NULL || strcmp(key, KEY_SANDBOX_ROLE) != 0)
		return false;
	if (strcmp(operator, "NotIn") == 0)
		return names_agent(values);
	if (strcmp(operator, "In") == 0)
		return json_array_size(values) > 0 && !names_agent(values);
	return strcmp(operator, "DoesNotExist") == 0;
}

bool pair_policy_may_select(const json_t *selector)
{
	const json_t *role = json_member(json_member(selector, "matchLabels"), KEY_SANDBOX_ROLE);
	const json_t *expressions = json_member(selector, "matchExpressions");

	if (json_is_string(role) && !is_role(role))
		return false;
	for (size_t i = 0; i < json_array_size(expressions); i++)
		if (rules_out(json_array_get(expressions, i)))
			return false;
	return true;
}

/* Rules without their direction in policyTypes have no effect for Kubernetes; not every network agrees. */
static bool has_rules(const json_t *spec, const char *direction)
{
	const json_t *rules = json_member(spec, direction);

	return rules != NULL && (!json_is_array(rules) || json_array_size(rules) > 0);
}

bool pair_policy_opens(const json_t *policy)
{
	const json_t *spec = json_member(policy, "spec");

	return (has_rules(spec, "egress") || has_rules(spec, "ingress")) &&
	       pair_policy_may_select(json_member(spec, "podSelector"));
}

bool pair_policy_is_ours(const json_t *policy)
{
	static const char *const prefixes[] = { PAIR_EGRESS_PREFIX, PAIR_INGRESS_PREFIX };
	const char *name = json_member_text(json_member(policy, "metadata"), "name");
	const char *id = json_member_text(
		json_member(json_member(json_member(policy, "spec"), "podSelector"), "matchLabels"),
		KEY_SANDBOX_ID);

	if (name == NULL || strcmp(name, PAIR_CLOSED_POLICY) == 0)
		return name != NULL;
	for (size_t i = 0; id != NULL && i < ARRAY_LEN(prefixes); i++) {
		size_t n = strlen(prefixes[i]);

		if (strncmp(name, prefixes[i], n) == 0 && strcmp(name + n, id) == 0)
			return true;
	}
	return false;
}
