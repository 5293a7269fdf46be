/* SPDX-License-Identifier: Apache-2.0 */
/* What comes near a request. A walk over all endpoints: this is for people who wait for an answer, not for
 * the proxy. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "policy/identity.h"
#include "policy/match_host.h"
#include "policy/network.h"
#include "policy/policy.h"
#include "policy/query.h"
#include "policy/rules.h"

enum {
	/* How far away it is to differ in this. */
	OTHER_HOST = 8,
	OTHER_PORT = 4,
	OTHER_PROGRAM = 2,
	OTHER_PATH = 2,
	OTHER_METHOD = 1,
	OTHER_QUERY = 1,
};

struct search {
	const struct policy_request *request;
	struct slice host; /* in its one form */
	struct inspected inspected;
	struct policy_near *found;
	size_t n;
};

static __attribute__((format(printf, 2, 3))) void add_why(struct policy_near *near, const char *fmt,
							  ...)
{
	size_t n = strlen(near->why);
	va_list args;

	if (n > 0 && n + 2 < sizeof(near->why))
		n += (size_t)snprintf(near->why + n, sizeof(near->why) - n, "; ");
	va_start(args, fmt);
	vsnprintf(near->why + n, sizeof(near->why) - n, fmt, args);
	va_end(args);
}

/* Keeps the nearest, and of equally near ones those that come first. */
static void keep(struct search *search, const struct policy_near *near)
{
	size_t at = search->n;

	while (at > 0 && search->found[at - 1].distance > near->distance)
		at--;
	if (at == POLICY_NEAR_MAX)
		return;
	if (search->n < POLICY_NEAR_MAX)
		search->n++;
	memmove(search->found + at + 1, search->found + at, (search->n - at - 1) * sizeof(*near));
	search->found[at] = *near;
}

/* The last two labels: a name of the same owner. */
static struct slice owner(struct slice host)
{
	size_t at = host.n, dots = 0;

	while (at > 0 && (host.p[at - 1] != '.' || ++dots < 2))
		at--;
	return (struct slice){ host.p + at, host.n - at };
}

static bool is_of_same_owner(struct slice a, struct slice b)
{
	struct slice x = owner(a), y = owner(b);

	return x.n == y.n && x.n > 0 && memcmp(x.p, y.p, x.n) == 0;
}

static bool has_port(const struct net_endpoint *endpoint, uint16_t port)
{
	for (size_t i = 0; i < endpoint->n_ports; i++)
		if (endpoint->ports[i] == port)
			return true;
	return false;
}

static void look_at_program(const struct net_policy *policy, struct policy_near *near)
{
	near->distance += OTHER_PROGRAM;
	if (policy->n_binaries == 0)
		add_why(near, "the policy names no `binaries`, so it matches no program");
	else
		add_why(near,
			"the program is not among the policy's binaries (%s%s), nor is one"
			" of its ancestors",
			quote(policy->binaries[0].path).text,
			policy->n_binaries > 1 ? " and others" : "");
}

static void look_at_rule(struct search *search, const struct net_rule *rule,
			 struct policy_near near)
{
	const struct inspected *asked = &search->inspected;
	struct net_rule any_method = *rule;

	if (rule_allows(rule, asked))
		return;
	near.rule = rule->text;
	any_method.method = slice_text("*");
	if (!pattern_matches(&rule->path, asked->path)) {
		near.distance += OTHER_PATH;
		add_why(&near, "its path does not match");
	} else if (!rule_allows(&any_method, asked)) {
		near.distance += OTHER_QUERY;
		add_why(&near, "a query key that it names is missing or has another value");
	} else {
		near.distance += OTHER_METHOD;
		add_why(&near, "is for method %s", quote(rule->method).text);
	}
	keep(search, &near);
}

static void look_at_requests(struct search *search, const struct net_endpoint *endpoint,
			     struct policy_near near)
{
	const struct inspected *asked = &search->inspected;

	if (endpoint->path.n > 0 && !pattern_matches(&endpoint->path, asked->path)) {
		near.distance += OTHER_PATH;
		add_why(&near, "the endpoint's `path` does not cover the request");
		keep(search, &near);
		return;
	}
	if (endpoint->access != NET_ACCESS_NONE &&
	    !access_allows(endpoint->access, asked->method)) {
		near.rule = access_text(endpoint->access);
		near.distance += OTHER_METHOD;
		add_why(&near, "does not include method %s", quote(asked->method).text);
		keep(search, &near);
	}
	for (size_t i = 0; i < endpoint->n_rules; i++)
		look_at_rule(search, &endpoint->rules[i], near);
}

static void look_at(struct search *search, const struct net_policy *policy,
		    const struct net_endpoint *endpoint)
{
	const struct policy_request *request = search->request;
	bool host = endpoint->host.n == 0 || host_matches(endpoint->host, search->host);
	bool port = has_port(endpoint, request->port);
	struct policy_near near = { .policy = policy->name, .endpoint = endpoint->place };

	/* One for any host says nothing about other ports. */
	if (!port && endpoint->host.n == 0)
		return;
	if (!host && (!port || !is_of_same_owner(endpoint->host, search->host)))
		return;
	if (!host) {
		near.distance += OTHER_HOST;
		add_why(&near, "is for host %s", quote(endpoint->host).text);
	}
	if (!port) {
		near.distance += OTHER_PORT;
		add_why(&near, "is for port %u%s", endpoint->ports[0],
			endpoint->n_ports > 1 ? " and others" : "");
	}
	if (!identity_matches(policy, request))
		look_at_program(policy, &near);
	if (near.distance > 0)
		keep(search, &near);
	else if (endpoint->rest && request->method.n > 0)
		look_at_requests(search, endpoint, near);
}

size_t policy_find_near(const struct policy *policy, const struct policy_request *request,
			struct policy_near *out)
{
	const struct model *model = &policy->network->model;
	struct search search = { .request = request, .found = out };
	struct query query = { 0 };
	struct host_name host;

	if (!host_normalise(request->host, &host))
		return 0;
	search.host = (struct slice){ (const uint8_t *)host.text, host.n };
	if (!query_decode(request->query, &query))
		return 0;
	search.inspected = (struct inspected){ request->method, request->path, &query };
	for (size_t i = 0; i < model->n; i++)
		for (size_t k = 0; k < model->policies[i].n_endpoints; k++)
			look_at(&search, &model->policies[i], &model->policies[i].endpoints[k]);
	query_done(&query);
	return search.n;
}
