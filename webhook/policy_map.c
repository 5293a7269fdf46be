/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/policy_map.h"

#include <string.h>

#include "lib/cleanup.h"
#include "policy/policy.h"
#include "webhook/keys.h"
#include "webhook/names.h"

static const char *place_of(const struct policy_problem *problem)
{
	return problem->place[0] != '\0' ? problem->place : "policy";
}

static void check_text(const char *text, struct findings *findings)
{
	AUTO(policy_problems_done) struct policy_problems problems = { 0 };
	AUTO(policy_free_slot)
	struct policy *policy = policy_parse(slice_text(text), &problems);

	for (size_t i = 0; i < problems.n; i++)
		findings_deny(findings, DENIAL_POLICY, NAME_POLICY_KEY ":%u:%u: %.80s: %.160s",
			      problems.items[i].line, problems.items[i].column,
			      place_of(&problems.items[i]), problems.items[i].text);
	for (size_t i = 0; policy != NULL && i < policy->warnings.n; i++)
		findings_warn(findings, NAME_POLICY_KEY ":%u: %.80s",
			      policy->warnings.items[i].line, policy->warnings.items[i].text);
}

static const json_t *label_of(const json_t *map)
{
	return json_member(json_member(json_member(map, "metadata"), "labels"), KEY_POLICY);
}

static const json_t *policy_of(const json_t *map)
{
	return json_member(json_member(map, "data"), NAME_POLICY_KEY);
}

bool policy_map_is_same(const json_t *before, const json_t *after)
{
	return json_is_same(label_of(before), label_of(after)) &&
	       json_is_same(policy_of(before), policy_of(after));
}

void policy_map_check(const json_t *map, struct findings *findings)
{
	const json_t *label = label_of(map);
	const char *text = json_string_value(policy_of(map));

	if (label == NULL)
		return;
	if (!json_is_string(label) || strcmp(json_string_value(label), "true") != 0)
		findings_deny(findings, DENIAL_POLICY, "the label " KEY_POLICY " is not \"true\"");
	else if (text == NULL)
		findings_deny(findings, DENIAL_POLICY, "data has no " NAME_POLICY_KEY);
	else
		check_text(text, findings);
}
