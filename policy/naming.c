/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/match_host.h"
#include "policy/network.h"
#include "policy/policy.h"

static void visit(void *ctx, const struct host_record *record)
{
	enum policy_naming *best = ctx;

	/* An endpoint by address alone names nobody. */
	if (record->pattern.n == 0)
		return;
	if (!record->glob)
		*best = POLICY_NAMED_EXACTLY;
	else if (*best == POLICY_NOT_NAMED)
		*best = POLICY_NAMED_BY_WILDCARD;
}

enum policy_naming policy_naming(const struct policy *policy, const struct host_name *host)
{
	enum policy_naming best = POLICY_NOT_NAMED;

	if (policy->network->model.n > 0)
		host_index_each(&policy->network->index,
				(struct slice){ (const uint8_t *)host->text, host->n }, visit,
				&best);
	return best;
}
