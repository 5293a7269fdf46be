/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/identity.h"

#include <string.h>

static bool is_named(const struct net_policy *policy, const char *path)
{
	size_t low = 0, high = policy->n_exact_binaries;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp((const char *)policy->binaries[middle].path.p, path);

		if (order == 0)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

static bool path_matches(const struct net_policy *policy, const char *path)
{
	if (is_named(policy, path))
		return true;
	for (size_t i = policy->n_exact_binaries; i < policy->n_binaries; i++)
		if (pattern_matches(&policy->binaries[i].pattern, slice_text(path)))
			return true;
	return false;
}

bool identity_matches(const struct net_policy *policy, const struct policy_request *request)
{
	if (request->relaxed_identity)
		return true;
	if (request->binary == NULL)
		return false;
	if (path_matches(policy, request->binary))
		return true;
	for (size_t i = 0; i < request->n_ancestors && i < POLICY_ANCESTORS_MAX; i++)
		if (path_matches(policy, request->ancestors[i]))
			return true;
	return false;
}
