/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a policy. Refused: there are problems, and each has a place and words. Accepted: requests
 * made from its own hosts, ports, methods and paths are decided the same way twice, and the way that a
 * walk over all endpoints decides them; and without network policies nothing is allowed. */
#include <assert.h>
#include <stdint.h>

#include "tests/support/policy_reference.h"

enum {
	/* Endpoints that requests are made from, and rules of each. */
	ENDPOINTS_ASKED = 12,
	RULES_ASKED = 4,
	/* Longer patterns make the reference slow without showing more. */
	PATTERN_MAX = 120,
	FORMS_SUM_MAX = 400,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_problems(const struct policy_problems *problems)
{
	assert(problems->n > 0 && problems->n <= POLICY_PROBLEMS_MAX);
	for (size_t i = 0; i < problems->n; i++) {
		const struct policy_problem *p = &problems->items[i];

		assert(p->line >= 1 && p->column >= 1 && p->text[0] != '\0');
		for (const char *c = p->text; *c != '\0'; c++)
			assert(*c >= 0x20 && *c != 0x7f);
		for (const char *c = p->place; *c != '\0'; c++)
			assert(*c >= 0x20 && *c < 0x7f);
	}
}

/* A text that the glob matches, as far as that can be said so simply. */
static struct buf fill_glob(struct slice glob, enum glob_kind kind)
{
	struct buf text = buf_init(POLICY_REQUEST_PATH_MAX);

	for (size_t i = 0; i < glob.n;) {
		struct glob_element e = glob_element(glob, i, kind);

		if (e.type == GLOB_CHAR)
			buf_put(&text, &e.c, 1);
		else if (e.type == GLOB_CLASS)
			buf_put(&text, e.class.p, 1);
		else if (e.type == GLOB_SEGMENTS)
			buf_puts(&text, "s/t/");
		else
			buf_puts(&text, e.type == GLOB_REST ? "r/s" : "x");
		i += e.n;
	}
	return text;
}

static struct buf fill_host(struct slice pattern)
{
	struct buf text = buf_init(HOST_BYTES_MAX + 10);

	if (pattern.n == 0)
		buf_puts(&text, "any.host");
	for (size_t i = 0; i < pattern.n; i++) {
		bool deep = pattern.p[i] == '*' && i + 1 < pattern.n && pattern.p[i + 1] == '*';

		if (deep)
			buf_puts(&text, "d.");
		else
			buf_put(&text, pattern.p[i] == '*' ? "w" : (const char *)&pattern.p[i], 1);
	}
	return text;
}

/* The path as a proxy would send it on, if it would. */
static void ask(const struct policy *policy, struct policy_request request, struct slice path)
{
	struct canon_target target;
	struct err err = { 0 };

	if (canon_target(path, true, &target, &err) == -1) {
		assert(err.msg[0] != '\0');
		return;
	}
	assert(canon_is_canonical(slice_text(target.path)));
	request.path = slice_text(target.path);
	struct policy_decision once = policy_decide_request(policy, &request);
	struct policy_decision twice = policy_decide_request(policy, &request);
	assert(reference_agrees(&once, &twice));
	assert(reference_check(policy, &request));
	assert(policy->n_network_policies > 0 || once.verdict == POLICY_DENY);

	AUTO(buf_done) struct buf why = buf_init(10000);
	policy_explain(&request, &once, &why);
	assert(why.n > 0 && !why.overflow);
}

static void ask_rule(const struct policy *policy, struct policy_request request,
		     const struct net_rule *rule)
{
	AUTO(buf_done) struct buf path = fill_glob(rule->path.forms[0].glob, GLOB_PATH);
	AUTO(buf_done) struct buf query = buf_init(POLICY_QUERY_MAX);

	request.method = rule->method.p[0] == '*' ? slice_text("BREW") : rule->method;
	for (size_t i = 0; i < rule->n_queries; i++) {
		AUTO(buf_done)
		struct buf value = fill_glob(rule->queries[i].any[0].forms[0].glob, GLOB_TEXT);

		buf_printf(&query, "%.*s=%s&", (int)rule->queries[i].key.n,
			   (const char *)rule->queries[i].key.p, buf_text(&value));
	}
	ask(policy, request, buf_slice(&path));
	request.query = buf_slice(&query);
	ask(policy, request, buf_slice(&path));
}

static void ask_endpoint(const struct policy *policy, const struct net_policy *of,
			 const struct net_endpoint *endpoint)
{
	AUTO(buf_done) struct buf host = fill_host(endpoint->host);
	AUTO(buf_done) struct buf binary = { .max = POLICY_PATH_BYTES_MAX };
	struct policy_request request = {
		.host = buf_slice(&host),
		.port = endpoint->ports[0],
		.relaxed_identity = of->n_binaries == 0,
		.method = slice_text("GET"),
	};

	if (of->n_binaries > 0 && of->binaries[0].glob)
		binary = fill_glob(of->binaries[0].pattern.forms[0].glob, GLOB_PATH);
	else if (of->n_binaries > 0)
		buf_put(&binary, of->binaries[0].path.p, of->binaries[0].path.n);
	if (of->n_binaries > 0)
		request.binary = buf_text(&binary);
	ask(policy, request, slice_text("/"));
	for (size_t i = 0; i < endpoint->n_rules && i < RULES_ASKED; i++)
		ask_rule(policy, request, &endpoint->rules[i]);
	for (size_t i = 0; i < endpoint->n_deny_rules && i < RULES_ASKED; i++)
		ask_rule(policy, request, &endpoint->deny_rules[i]);
	if (endpoint->path.n > 0) {
		AUTO(buf_done) struct buf path = fill_glob(endpoint->path.forms[0].glob, GLOB_PATH);

		ask(policy, request, buf_slice(&path));
	}
	request.host = slice_text("nowhere.invalid");
	ask(policy, request, slice_text("/a"));
}

static bool is_long(const struct pattern *pattern, size_t *forms)
{
	*forms += pattern->n;
	for (size_t i = 0; i < pattern->n; i++)
		if (pattern->forms[i].glob.n > PATTERN_MAX)
			return true;
	return false;
}

/* Too large for a reference that looks at everything with tables. */
static bool is_slow(const struct policy *policy)
{
	const struct model *model = &policy->network->model;
	size_t forms = 0;
	bool slow = policy->n_endpoints > 100;

	for (size_t i = 0; i < model->n && !slow; i++) {
		const struct net_policy *p = &model->policies[i];

		for (size_t k = 0; k < p->n_binaries; k++)
			slow |= is_long(&p->binaries[k].pattern, &forms);
		for (size_t k = 0; k < p->n_endpoints; k++) {
			const struct net_endpoint *e = &p->endpoints[k];

			slow |= is_long(&e->path, &forms);
			for (size_t r = 0; r < e->n_rules + e->n_deny_rules; r++) {
				const struct net_rule *rule =
					r < e->n_rules ? &e->rules[r]
						       : &e->deny_rules[r - e->n_rules];

				slow |= is_long(&rule->path, &forms);
				for (size_t q = 0; q < rule->n_queries; q++)
					for (size_t m = 0; m < rule->queries[q].n; m++)
						slow |= is_long(&rule->queries[q].any[m], &forms);
			}
		}
	}
	return slow || forms > FORMS_SUM_MAX;
}

static void check_policy(const struct policy *policy)
{
	const struct model *model = &policy->network->model;
	struct policy_request request = {
		.host = slice_text("example.com"),
		.port = 443,
		.relaxed_identity = true,
		.method = slice_text("GET"),
	};
	size_t asked = 0;

	if (is_slow(policy))
		return;
	ask(policy, request, slice_text("/"));
	for (size_t i = 0; i < model->n; i++)
		for (size_t k = 0; k < model->policies[i].n_endpoints && asked < ENDPOINTS_ASKED;
		     k++, asked++)
			ask_endpoint(policy, &model->policies[i], &model->policies[i].endpoints[k]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy_problems problems = { 0 };
	struct policy *policy = policy_parse((struct slice){ data, size }, &problems);

	if (policy == NULL)
		check_problems(&problems);
	else
		assert(problems.n == 0 && problems.left_off == 0);
	if (policy != NULL)
		check_policy(policy);
	policy_free(policy);
	policy_problems_done(&problems);
	return 0;
}
