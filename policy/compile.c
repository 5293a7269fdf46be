/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/network.h"

void network_compile(struct policy_network *network, const struct report *report, struct mark at)
{
	const struct model *model = &network->model;
	size_t n = 0;

	network->endpoints = arena_alloc(&network->arena, model->n_endpoints, sizeof(void *));
	for (size_t i = 0; i < model->n; i++)
		for (size_t k = 0; k < model->policies[i].n_endpoints; k++)
			network->endpoints[n++] = &model->policies[i].endpoints[k];
	network->n_endpoints = n;
	if (!host_index_build(&network->index, network->endpoints, n, &network->arena)) {
		report_error(report, at, NULL,
			     "the host names of network_policies cannot be indexed; they seem to be"
			     " chosen to collide");
		return;
	}
	validate_ambiguity(network, report, at);
}
