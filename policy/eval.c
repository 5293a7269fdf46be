/* SPDX-License-Identifier: Apache-2.0 */
/* Deciding. Both kinds of decision walk the endpoints that cover host and port once, and gather what
 * is said about the connection; for a request also what its endpoints' rules say. Endpoints are
 * numbered by policy name, so "the first" is always the smallest number. */
#include "policy/policy.h"

#include <string.h>

#include "policy/canon_path.h"
#include "policy/identity.h"
#include "policy/match_host.h"
#include "policy/network.h"
#include "policy/rules.h"

enum { NONE = UINT32_MAX };

/* The first endpoint of a kind, with the rule that made it so. */
struct pick {
	uint32_t endpoint;
	const char *rule;
};

struct eval {
	const struct policy_network *network;
	const struct policy_request *request;
	const struct inspected *inspected; /* NULL where only the connection is decided */

	/* The identity of the policy that was looked at last: its endpoints stand together. */
	uint32_t last_policy;
	bool last_matches;

	uint32_t covering; /* first endpoint with host and port */
	uint32_t matching; /* first one whose program matches too */
	struct policy_decision connection; /* what matching endpoints say of it */

	uint32_t selected; /* the endpoint whose path is the most specific */
	struct pick allowed, denied;
	bool denied_hard; /* a deny rule of an endpoint that enforces matches */
};

static void keep_first(uint32_t *first, uint32_t endpoint)
{
	if (endpoint < *first)
		*first = endpoint;
}

static void pick_first(struct pick *pick, uint32_t endpoint, const char *rule)
{
	if (endpoint < pick->endpoint)
		*pick = (struct pick){ endpoint, rule };
}

static bool program_matches(struct eval *eval, uint32_t policy)
{
	if (eval->last_policy != policy) {
		eval->last_policy = policy;
		eval->last_matches =
			identity_matches(&eval->network->model.policies[policy], eval->request);
	}
	return eval->last_matches;
}

/* Of equally specific paths the last endpoint counts; they agree on all that it decides. */
static void select_endpoint(struct eval *eval, uint32_t number)
{
	const struct net_endpoint *const *endpoints = eval->network->endpoints;
	unsigned mine = endpoints[number]->specificity;

	if (eval->selected != NONE) {
		unsigned best = endpoints[eval->selected]->specificity;

		if (mine < best || (mine == best && number < eval->selected))
			return;
	}
	eval->selected = number;
}

static void look_at_rules(struct eval *eval, const struct net_endpoint *endpoint, uint32_t number)
{
	const struct inspected *request = eval->inspected;

	if (endpoint->path.n > 0 && !pattern_matches(&endpoint->path, request->path))
		return;
	select_endpoint(eval, number);
	for (size_t i = 0; i < endpoint->n_deny_rules; i++) {
		if (!rule_denies(&endpoint->deny_rules[i], request))
			continue;
		pick_first(&eval->denied, number, endpoint->deny_rules[i].text);
		eval->denied_hard |= !endpoint->audit;
	}
	if (number > eval->allowed.endpoint)
		return;
	if (endpoint->access != NET_ACCESS_NONE) {
		if (access_allows(endpoint->access, request->method))
			pick_first(&eval->allowed, number, access_text(endpoint->access));
		return;
	}
	for (size_t i = 0; i < endpoint->n_rules; i++) {
		if (!rule_allows(&endpoint->rules[i], request))
			continue;
		pick_first(&eval->allowed, number, endpoint->rules[i].text);
		return;
	}
}

static void look_at_endpoint(struct eval *eval, const struct host_record *record,
			     const struct host_entry *entry)
{
	const struct net_endpoint *endpoint = entry->endpoint;
	uint32_t number = entry->number;
	struct policy_decision *connection = &eval->connection;

	keep_first(&eval->covering, number);
	if (!program_matches(eval, endpoint->policy))
		return;
	keep_first(&eval->matching, number);
	connection->inspect |= endpoint->rest;
	connection->encoded_slash |= endpoint->encoded_slash;
	connection->exact_host |= !record->glob && record->pattern.n > 0;
	/* Overlapping endpoints agree on these two, so any of them may speak. */
	connection->skip_tls = endpoint->skip_tls;
	connection->allowed_ips = endpoint->allowed_ips.n > 0 ? &endpoint->allowed_ips : NULL;
	if (endpoint->rest && eval->inspected != NULL)
		look_at_rules(eval, endpoint, number);
}

static void visit(void *ctx, const struct host_record *record)
{
	struct eval *eval = ctx;
	size_t n;
	const struct host_entry *entries =
		host_record_port(&eval->network->index, record, eval->request->port, &n);

	for (size_t i = 0; i < n; i++)
		look_at_endpoint(eval, record, &entries[i]);
}

static struct policy_decision about(const struct eval *eval, uint32_t endpoint,
				    enum policy_verdict verdict, enum policy_reason reason)
{
	struct policy_decision d = eval->connection;

	d.verdict = verdict;
	d.reason = reason;
	if (endpoint != NONE) {
		const struct net_endpoint *e = eval->network->endpoints[endpoint];

		d.endpoint = e->place;
		d.policy = eval->network->model.policies[e->policy].name;
	}
	return d;
}

static struct policy_decision refuse(enum policy_reason reason)
{
	return (struct policy_decision){ .verdict = POLICY_DENY, .reason = reason };
}

static struct policy_decision conclude_connection(const struct eval *eval)
{
	if (eval->covering == NONE)
		return refuse(POLICY_REASON_NO_ENDPOINT);
	if (eval->matching == NONE)
		return about(eval, eval->covering, POLICY_DENY, POLICY_REASON_BINARY);
	return about(eval, eval->matching, POLICY_ALLOW, POLICY_REASON_ENDPOINT);
}

/* A denial that `enforcement: audit` turns into a note. */
static struct policy_decision deny_softly(const struct eval *eval, struct policy_decision d)
{
	if (eval->network->endpoints[eval->selected]->audit) {
		d.verdict = POLICY_ALLOW;
		d.audited = true;
	}
	return d;
}

static struct policy_decision conclude_request(const struct eval *eval)
{
	struct policy_decision d = conclude_connection(eval);

	if (d.verdict == POLICY_DENY || !d.inspect)
		return d;
	if (eval->selected == NONE)
		return about(eval, eval->matching, POLICY_DENY, POLICY_REASON_NO_PATH);
	const struct net_endpoint *selected = eval->network->endpoints[eval->selected];
	if (!selected->encoded_slash && canon_has_encoded_slash(eval->inspected->path))
		return about(eval, eval->selected, POLICY_DENY, POLICY_REASON_ENCODED_SLASH);
	if (eval->denied.endpoint != NONE) {
		d = about(eval, eval->denied.endpoint, POLICY_DENY, POLICY_REASON_DENY_RULE);
		d.rule = eval->denied.rule;
		/* Another endpoint that only audits cannot take an enforced denial back. */
		return eval->denied_hard ? d : deny_softly(eval, d);
	}
	if (eval->allowed.endpoint == NONE)
		return deny_softly(eval,
				   about(eval, eval->selected, POLICY_DENY, POLICY_REASON_NO_RULE));
	d = about(eval, eval->allowed.endpoint, POLICY_ALLOW, POLICY_REASON_RULE);
	d.rule = eval->allowed.rule;
	return d;
}

static struct policy_decision decide(const struct policy *policy,
				     const struct policy_request *request,
				     const struct inspected *inspected)
{
	struct eval eval = {
		.network = policy->network,
		.request = request,
		.inspected = inspected,
		.last_policy = NONE,
		.covering = NONE,
		.matching = NONE,
		.selected = NONE,
		.allowed = { .endpoint = NONE },
		.denied = { .endpoint = NONE },
	};
	struct host_name host;

	if (policy->network->model.n == 0)
		return refuse(POLICY_REASON_NO_NETWORK);
	if (!host_normalise(request->host, &host))
		return refuse(POLICY_REASON_BAD_HOST);
	host_index_each(&policy->network->index,
			(struct slice){ (const uint8_t *)host.text, host.n }, visit, &eval);
	return inspected == NULL ? conclude_connection(&eval) : conclude_request(&eval);
}

struct policy_decision policy_decide_connect(const struct policy *policy,
					     const struct policy_request *request)
{
	return decide(policy, request, NULL);
}

static bool is_method(struct slice method)
{
	static const char others[] = "!#$%&'*+-.^_`|~"; /* RFC 9110, 5.6.2 */

	for (size_t i = 0; i < method.n; i++) {
		uint8_t c = method.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      memchr(others, c, sizeof(others) - 1) != NULL))
			return false;
	}
	return method.n > 0 && method.n <= POLICY_METHOD_MAX;
}

struct policy_decision policy_decide_request(const struct policy *policy,
					     const struct policy_request *request)
{
	struct policy_decision d;
	struct query query = { 0 };
	struct inspected inspected = { request->method, request->path, &query };

	if (is_method(request->method) && canon_is_canonical(request->path) &&
	    request->query.n <= POLICY_QUERY_MAX && query_decode(request->query, &query))
		d = decide(policy, request, &inspected);
	else
		d = refuse(POLICY_REASON_BAD_REQUEST);
	query_done(&query);
	return d;
}
