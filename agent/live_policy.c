/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/live_policy.h"

#include <string.h>

#include "agent/run_state.h"
#include "lib/cleanup.h"
#include "policy/policy.h"

void live_policy_start(struct live_policy *out, const struct run_policy *start)
{
	*out = (struct live_policy){ .source = start->source, .generation = 1 };
	memcpy(out->sha256, start->sha256, sizeof(out->sha256));
}

static json_t *problem_json(const struct live_policy *live)
{
	const struct live_policy_problem *problem = &live->problem;

	if (!live->has_problem)
		return json_null();
	return json_pack("{s:s, s:I, s:I, s:s}", "reason", problem->reason, "line",
			 (json_int_t)problem->line, "column", (json_int_t)problem->column, "sha256",
			 problem->sha256);
}

static json_t *waits_json(const struct live_policy *live)
{
	json_t *sections = json_array();

	for (unsigned i = 0; i < POLICY_SECTIONS; i++)
		if ((live->waits & 1u << i) != 0)
			json_array_append_new(sections, json_string(policy_section_name(
								(enum policy_section)i)));
	return sections;
}

json_t *live_policy_json(const struct live_policy *live)
{
	return json_pack("{s:s, s:s, s:I, s:o, s:o}", "source", live->source, "sha256",
			 live->sha256, "generation", (json_int_t)live->generation, "problem",
			 problem_json(live), "at_next_start", waits_json(live));
}

int live_policy_write(const struct live_policy *live, struct slice text, struct err *err)
{
	AUTO(run_state_free) json_t *json = live_policy_json(live);

	if (json == NULL)
		return err_set(err, ERR_INVALID, "the policy's path or problem is not UTF-8");
	return run_state_write_policy(json, text, err);
}
