/* SPDX-License-Identifier: Apache-2.0 */
/* policy_reference: decides by looking at every endpoint, one after the other, with matchers written
 * for being seen through instead of for speed. What the compiled policy says must be the same.
 * Included by the unit test and by the fuzz target, which is why it is a header. */
#ifndef TESTS_SUPPORT_POLICY_REFERENCE_H
#define TESTS_SUPPORT_POLICY_REFERENCE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/mem.h"
#include "policy/canon_path.h"
#include "policy/identity.h"
#include "policy/match_host.h"
#include "policy/network.h"
#include "policy/rules.h"

/* --- matching -------------------------------------------------------------------------------- */

/* ok[i][j]: the pattern from i matches the text from j. Filled from the end. */
static bool reference_glob(struct slice pattern, struct slice text, enum glob_kind kind)
{
	size_t rows = pattern.n + 1, cols = text.n + 1;
	AUTO_FREE bool *ok = mem_calloc(rows * cols, sizeof(*ok));
	AUTO_FREE bool *starts = mem_calloc(rows, sizeof(*starts));

	for (size_t i = 0; i < pattern.n; i += glob_element(pattern, i, kind).n)
		starts[i] = true;
	ok[rows * cols - 1] = true;
	for (size_t i = pattern.n; i-- > 0;) {
		if (!starts[i])
			continue;
		struct glob_element e = glob_element(pattern, i, kind);
		const bool *after = ok + (i + e.n) * cols;
		bool *row = ok + i * cols;

		for (size_t j = cols; j-- > 0;) {
			bool sep = j < text.n && kind == GLOB_PATH && text.p[j] == '/';
			size_t wide = 1;

			while (j < text.n && text.p[j] >= 0xc0 && j + wide < text.n &&
			       (text.p[j + wide] & 0xc0) == 0x80)
				wide++;
			if (e.type == GLOB_REST)
				row[j] = true;
			else if (e.type == GLOB_STAR)
				row[j] = after[j] || (j < text.n && !sep && row[j + 1]);
			else if (e.type == GLOB_SEGMENTS)
				row[j] = after[j];
			else if (j == text.n)
				row[j] = false;
			else if (e.type == GLOB_CHAR)
				row[j] = text.p[j] == e.c && after[j + 1];
			else if (e.type == GLOB_ANY)
				row[j] = !sep && after[j + wide];
			else
				row[j] = !sep && glob_class_has(e.class, text.p[j]) &&
					 after[j + wide];
		}
		for (size_t j = cols - 1; e.type == GLOB_SEGMENTS && j-- > 0;)
			for (size_t k = j; k < text.n && !row[j]; k++)
				row[j] = text.p[k] == '/' && after[k + 1];
	}
	return ok[0];
}

static bool reference_pattern(const struct pattern *pattern, struct slice text)
{
	for (size_t i = 0; i < pattern->n; i++)
		if (reference_glob(pattern->forms[i].glob, text, pattern->kind))
			return true;
	return false;
}

static size_t reference_labels(struct slice host)
{
	size_t n = 1;

	for (size_t i = 0; i < host.n; i++)
		n += host.p[i] == '.';
	return n;
}

/* A host with its dots as slashes is a path: `*` stays in a label, and `**` needs one label more. */
static bool reference_host(const struct net_endpoint *endpoint, struct slice host)
{
	AUTO(buf_done) struct buf pattern = buf_init(1000), text = buf_init(1000);

	if (endpoint->host.n == 0)
		return true;
	if (!endpoint->host_is_glob)
		return endpoint->host.n == host.n && memcmp(endpoint->host.p, host.p, host.n) == 0;
	for (size_t i = 0; i < endpoint->host.n; i++)
		buf_put(&pattern,
			endpoint->host.p[i] == '.' ? "/" : (const char *)&endpoint->host.p[i], 1);
	for (size_t i = 0; i < host.n; i++)
		buf_put(&text, host.p[i] == '.' ? "/" : (const char *)&host.p[i], 1);
	return reference_glob(buf_slice(&pattern), buf_slice(&text), GLOB_PATH) &&
	       reference_labels(host) >= reference_labels(endpoint->host);
}

static bool reference_port(const struct net_endpoint *endpoint, uint16_t port)
{
	for (size_t i = 0; i < endpoint->n_ports; i++)
		if (endpoint->ports[i] == port)
			return true;
	return false;
}

static bool reference_binary(const struct net_policy *policy, const char *path)
{
	for (size_t i = 0; i < policy->n_binaries; i++) {
		const struct net_binary *binary = &policy->binaries[i];

		if (binary->glob ? reference_pattern(&binary->pattern, slice_text(path))
				 : strcmp((const char *)binary->path.p, path) == 0)
			return true;
	}
	return false;
}

static bool reference_identity(const struct net_policy *policy,
			       const struct policy_request *request)
{
	if (request->relaxed_identity)
		return true;
	if (request->binary == NULL)
		return false;
	for (size_t i = 0; i < request->n_ancestors; i++)
		if (reference_binary(policy, request->ancestors[i]))
			return true;
	return reference_binary(policy, request->binary);
}

static bool reference_rule(const struct net_rule *rule, const struct inspected *request, bool deny)
{
	bool any = rule->method.n == 1 && rule->method.p[0] == '*';
	bool head = rule->method.n == 3 && memcmp(rule->method.p, "GET", 3) == 0 &&
		    request->method.n == 4 &&
		    strncasecmp((const char *)request->method.p, "HEAD", 4) == 0;
	bool same = rule->method.n == request->method.n &&
		    strncasecmp((const char *)rule->method.p, (const char *)request->method.p,
				rule->method.n) == 0;

	if ((!any && !head && !same) || !reference_pattern(&rule->path, request->path))
		return false;
	for (size_t i = 0; i < rule->n_queries; i++) {
		const struct net_query *want = &rule->queries[i];
		size_t there = 0, good = 0;

		for (size_t k = 0; k < request->query->n; k++) {
			const struct query_pair *pair = &request->query->pairs[k];
			bool fits = false;

			if (pair->key.n != want->key.n ||
			    (pair->key.n > 0 && memcmp(pair->key.p, want->key.p, pair->key.n) != 0))
				continue;
			for (size_t m = 0; m < want->n; m++)
				fits |= reference_pattern(&want->any[m], pair->value);
			there++;
			good += fits;
		}
		if (deny ? good == 0 : there == 0 || good < there)
			return false;
	}
	return true;
}

static bool reference_access(enum net_access access, struct slice method)
{
	static const char *const granted[] = {
		[NET_ACCESS_NONE] = "",
		[NET_ACCESS_READ_ONLY] = " GET HEAD OPTIONS ",
		[NET_ACCESS_READ_WRITE] = " GET HEAD OPTIONS POST PUT PATCH ",
	};
	char name[POLICY_METHOD_MAX + 3];

	if (access == NET_ACCESS_FULL)
		return true;
	snprintf(name, sizeof(name), " %.*s ", (int)method.n, (const char *)method.p);
	return strcasestr(granted[access], name) != NULL;
}

/* --- deciding -------------------------------------------------------------------------------- */

struct reference {
	const struct net_endpoint *covering, *matching, *selected, *allowing, *denying;
	const char *allow_rule, *deny_rule;
	bool denied_hard;
	struct policy_decision says;
};

static void reference_request(struct reference *r, const struct net_endpoint *e,
			      const struct inspected *request)
{
	const char *allow = NULL;

	if (e->path.n > 0 && !reference_pattern(&e->path, request->path))
		return;
	if (r->selected == NULL || e->specificity >= r->selected->specificity)
		r->selected = e;
	for (size_t i = e->n_deny_rules; i-- > 0;) {
		if (!reference_rule(&e->deny_rules[i], request, true))
			continue;
		r->denied_hard |= !e->audit;
		if (r->denying == NULL || r->denying == e) {
			r->denying = e;
			r->deny_rule = e->deny_rules[i].text;
		}
	}
	for (size_t i = e->n_rules; i-- > 0;)
		if (reference_rule(&e->rules[i], request, false))
			allow = e->rules[i].text;
	if (e->access != NET_ACCESS_NONE && reference_access(e->access, request->method))
		allow = access_text(e->access);
	if (allow != NULL && r->allowing == NULL) {
		r->allowing = e;
		r->allow_rule = allow;
	}
}

/* Endpoints in the order of policy names, so the first found is the one to report. */
static void reference_walk(struct reference *r, const struct policy *policy,
			   const struct policy_request *request, struct slice host,
			   const struct inspected *inspected)
{
	const struct model *model = &policy->network->model;

	for (size_t i = 0; i < model->n; i++) {
		for (size_t k = 0; k < model->policies[i].n_endpoints; k++) {
			const struct net_endpoint *e = &model->policies[i].endpoints[k];

			if (!reference_port(e, request->port) || !reference_host(e, host))
				continue;
			r->covering = r->covering != NULL ? r->covering : e;
			if (!reference_identity(&model->policies[i], request))
				continue;
			r->matching = r->matching != NULL ? r->matching : e;
			r->says.inspect |= e->rest;
			r->says.encoded_slash |= e->encoded_slash;
			r->says.exact_host |= e->host.n > 0 && !e->host_is_glob;
			r->says.skip_tls = e->skip_tls;
			if (e->rest && inspected != NULL)
				reference_request(r, e, inspected);
		}
	}
}

static struct policy_decision reference_say(const struct policy *policy, const struct reference *r,
					    const struct net_endpoint *e,
					    enum policy_verdict verdict, enum policy_reason reason)
{
	struct policy_decision d = r->says;

	d.verdict = verdict;
	d.reason = reason;
	if (e != NULL) {
		d.endpoint = e->place;
		d.policy = policy->network->model.policies[e->policy].name;
	}
	return d;
}

static struct policy_decision reference_decide(const struct policy *policy,
					       const struct policy_request *request,
					       const struct inspected *inspected)
{
	struct reference r = { 0 };
	struct policy_decision d;
	struct host_name name;

	if (policy->network->model.n == 0)
		return reference_say(policy, &r, NULL, POLICY_DENY, POLICY_REASON_NO_NETWORK);
	if (!host_normalise(request->host, &name))
		return reference_say(policy, &r, NULL, POLICY_DENY, POLICY_REASON_BAD_HOST);
	reference_walk(&r, policy, request, slice_text(name.text), inspected);
	if (r.matching == NULL)
		return reference_say(policy, &r, r.covering, POLICY_DENY,
				     r.covering == NULL ? POLICY_REASON_NO_ENDPOINT
							: POLICY_REASON_BINARY);
	if (inspected == NULL || !r.says.inspect)
		return reference_say(policy, &r, r.matching, POLICY_ALLOW, POLICY_REASON_ENDPOINT);
	if (r.selected == NULL)
		return reference_say(policy, &r, r.matching, POLICY_DENY, POLICY_REASON_NO_PATH);
	if (!r.selected->encoded_slash && canon_has_encoded_slash(inspected->path))
		return reference_say(policy, &r, r.selected, POLICY_DENY,
				     POLICY_REASON_ENCODED_SLASH);
	if (r.denying == NULL && r.allowing != NULL) {
		d = reference_say(policy, &r, r.allowing, POLICY_ALLOW, POLICY_REASON_RULE);
		d.rule = r.allow_rule;
		return d;
	}
	d = reference_say(policy, &r, r.denying != NULL ? r.denying : r.selected, POLICY_DENY,
			  r.denying != NULL ? POLICY_REASON_DENY_RULE : POLICY_REASON_NO_RULE);
	d.rule = r.deny_rule;
	if (r.selected->audit && !r.denied_hard) {
		d.verdict = POLICY_ALLOW;
		d.audited = true;
	}
	return d;
}

static bool reference_same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Everything but the address list, which overlapping endpoints share by value. */
static bool reference_agrees(const struct policy_decision *a, const struct policy_decision *b)
{
	return a->verdict == b->verdict && a->reason == b->reason && a->audited == b->audited &&
	       a->inspect == b->inspect && a->skip_tls == b->skip_tls &&
	       a->exact_host == b->exact_host && a->encoded_slash == b->encoded_slash &&
	       reference_same_text(a->policy, b->policy) &&
	       reference_same_text(a->endpoint, b->endpoint) &&
	       reference_same_text(a->rule, b->rule);
}

/* Asks both about one connection and one request; false where they differ. */
static bool reference_check(const struct policy *policy, const struct policy_request *request)
{
	AUTO(query_done) struct query query = { 0 };
	struct inspected inspected = { request->method, request->path, &query };
	struct policy_decision fast = policy_decide_connect(policy, request);
	struct policy_decision slow = reference_decide(policy, request, NULL);

	if (!reference_agrees(&fast, &slow))
		return false;
	fast = policy_decide_request(policy, request);
	if (fast.reason == POLICY_REASON_BAD_REQUEST)
		return fast.verdict == POLICY_DENY;
	if (!query_decode(request->query, &query))
		return false;
	slow = reference_decide(policy, request, &inspected);
	return reference_agrees(&fast, &slow);
}

#endif
