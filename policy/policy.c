/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "policy/network.h"
#include "policy/parse.h"

/* The document that is being read. */
struct draft {
	struct policy *policy;
	struct mark network_at;
};

static void read_version(const struct value *value, void *out)
{
	unsigned long version;

	(void)out;
	if (value_number(value, 0, UINT32_MAX, &version) && version != 1)
		value_error(value, "%lu is not known; write 1", version);
}

static void read_filesystem(const struct value *value, void *out)
{
	struct draft *draft = out;

	parse_filesystem(value, &draft->policy->filesystem);
}

static void read_landlock(const struct value *value, void *out)
{
	struct draft *draft = out;

	parse_landlock(value, &draft->policy->landlock);
}

static void read_process(const struct value *value, void *out)
{
	struct draft *draft = out;

	parse_process(value, &draft->policy->process);
}

static void read_network(const struct value *value, void *out)
{
	struct draft *draft = out;

	draft->network_at = value->node->at;
	parse_network(value, &draft->policy->network->model);
}

static void read_document(const struct value *value, struct draft *draft)
{
	static const char *const later[] = { "network_middlewares" };
	static const struct field fields[] = {
		{ "version", read_version },          { "filesystem_policy", read_filesystem },
		{ "landlock", read_landlock },        { "process", read_process },
		{ "network_policies", read_network },
	};
	static const struct field_set set = {
		.what = "a policy",
		.fields = fields,
		.n = ARRAY_LEN(fields),
		.later = later,
		.n_later = ARRAY_LEN(later),
	};

	if (value_fields(value, &set, draft) && value_misses(value, &set, "version"))
		value_error(value, "needs `version`; write `version: 1` first");
}

static struct policy *new_policy(void)
{
	struct policy *policy = mem_calloc(1, sizeof(*policy));

	policy->network = mem_calloc(1, sizeof(*policy->network));
	return policy;
}

static void read_text(struct slice text, struct draft *draft, const struct report *report)
{
	AUTO(arena_done) struct arena tree_arena = { 0 };
	size_t n_forms = 0;
	struct reader reader = { &draft->policy->network->arena, report, &n_forms };
	const struct tree_node *root = tree_parse(text, &tree_arena, report);
	struct value document = { &reader, root, NULL };

	if (root != NULL)
		read_document(&document, draft);
}

struct policy *policy_parse_with(struct slice text, struct slice addition,
				 struct policy_problems *out)
{
	struct policy *policy = new_policy();
	struct report report = { out, &policy->warnings };
	struct draft draft = { policy, { 1, 1 } };
	size_t before = report_errors(&report);

	read_text(text, &draft, &report);
	if (addition.n > 0)
		read_text(addition, &draft, &report);
	network_compile(policy->network, &report, draft.network_at);
	policy->n_network_policies = policy->network->model.n;
	policy->n_binaries = policy->network->model.n_binaries;
	policy->n_endpoints = policy->network->n_endpoints;
	if (report_errors(&report) == before) {
		report_sort(&policy->warnings);
		return policy;
	}
	report_sort(out);
	policy_free(policy);
	return NULL;
}

struct policy *policy_parse(struct slice text, struct policy_problems *out)
{
	return policy_parse_with(text, (struct slice){ 0 }, out);
}

struct policy *policy_default(void)
{
	AUTO(policy_problems_done) struct policy_problems problems = { 0 };
	struct policy *policy = policy_parse(slice_text("version: 1\n"), &problems);

	if (policy == NULL)
		abort(); /* our text */
	return policy;
}

void policy_free(struct policy *policy)
{
	if (policy == NULL)
		return;
	policy_problems_done(&policy->warnings);
	arena_done(&policy->network->arena);
	free(policy->network);
	free(policy);
}

void policy_free_slot(struct policy **policy)
{
	policy_free(*policy);
}
