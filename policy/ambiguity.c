/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints that can be met by one connection must agree on what it has only once: whether TLS is
 * opened and where it may go. Inspected ones that can be met by one request and are equally specific
 * must agree on how it is treated. Programs are not looked at: one may match two policies. */
#include <string.h>

#include "policy/network.h"
#include "policy/overlap.h"

enum {
	/* Pairs of endpoints, and what comparing their patterns costs, so that a hostile policy takes a
	 * fraction of a second, not a minute. Thousands that disagree under one host stay below it. */
	COMPARISONS_MAX = 60000000,
	HOST_PAIR_COST = 10,
};

struct check {
	const struct policy_network *network;
	const struct report *report;
	size_t budget;
	bool connections_differ, requests_differ; /* anywhere at all */
};

static bool same_addresses(const struct net_endpoint *a, const struct net_endpoint *b)
{
	const struct cidr_list *x = &a->allowed_ips, *y = &b->allowed_ips;

	if (x->n != y->n)
		return false;
	for (size_t i = 0; i < x->n; i++)
		if (x->items[i].prefix != y->items[i].prefix ||
		    memcmp(x->items[i].base.bytes, y->items[i].base.bytes,
			   sizeof(x->items[i].base.bytes)) != 0)
			return false;
	return true;
}

/* The field that two endpoints disagree on; NULL if none. */
static const char *connection_difference(const struct net_endpoint *a, const struct net_endpoint *b)
{
	if (a->skip_tls != b->skip_tls)
		return "tls";
	return same_addresses(a, b) ? NULL : "allowed_ips";
}

static const char *request_difference(const struct net_endpoint *a, const struct net_endpoint *b)
{
	if (!a->rest || !b->rest)
		return NULL;
	if (a->audit != b->audit)
		return "enforcement";
	return a->encoded_slash != b->encoded_slash ? "allow_encoded_slash" : NULL;
}

static bool spend(struct check *check, size_t cost)
{
	check->budget -= check->budget > cost ? cost : check->budget;
	return check->budget > 0;
}

static bool paths_overlap(struct check *check, const struct net_endpoint *a,
			  const struct net_endpoint *b)
{
	if (a->specificity != b->specificity)
		return false;
	if (a->path.n == 0 || b->path.n == 0)
		return true;
	return path_patterns_overlap(&a->path, &b->path, &check->budget);
}

static bool stands_before(const struct net_endpoint *a, const struct net_endpoint *b)
{
	return a->at.line < b->at.line || (a->at.line == b->at.line && a->at.column < b->at.column);
}

static void report_pair(const struct check *check, const struct net_endpoint *a,
			const struct net_endpoint *b, uint16_t port, const char *field)
{
	const struct net_endpoint *first = stands_before(a, b) ? a : b;
	const struct net_endpoint *later = first == a ? b : a;

	report_error_at(
		check->report, later->at, later->place,
		"has another `%s` than %s (line %u), and both cover port %u of the same host; "
		"make them agree, or part their hosts, ports%s",
		field, first->place, first->at.line, port,
		field[0] == 'e' || strcmp(field, "allow_encoded_slash") == 0 ? " or paths" : "");
}

/* The entries of two records for one port; both may be the same. */
struct meeting {
	const struct host_entry *a, *b;
	size_t n_a, n_b;
	uint16_t port;
};

/* Each is compared with one only: all of one record agree, or that has been reported. */
static void compare_connections(struct check *check, const struct meeting *m)
{
	const struct net_endpoint *first = m->a[0].endpoint;

	for (size_t i = 0; i < (m->a == m->b ? m->n_b : 1) && spend(check, 1); i++) {
		const struct net_endpoint *other = m->b[i].endpoint;
		const char *field = connection_difference(first, other);

		if (field == NULL)
			continue;
		report_pair(check, first, other, m->port, field);
		return;
	}
}

static void compare_requests(struct check *check, const struct meeting *m)
{
	for (size_t i = 0; i < m->n_a; i++) {
		const struct net_endpoint *a = m->a[i].endpoint;

		for (size_t k = m->a == m->b ? i + 1 : 0; k < m->n_b && spend(check, 1); k++) {
			const struct net_endpoint *b = m->b[k].endpoint;
			const char *field = request_difference(a, b);

			if (field == NULL || !paths_overlap(check, a, b) || check->budget == 0)
				continue;
			report_pair(check, a, b, m->port, field);
			return;
		}
	}
}

/* Two records whose hosts overlap: looks at the ports that both have. */
static void compare_records(struct check *check, const struct host_record *a,
			    const struct host_record *b)
{
	const struct host_index *index = &check->network->index;
	const struct host_record *few = a->n <= b->n ? a : b;
	const struct host_record *many = few == a ? b : a;

	for (size_t i = 0; i < few->n && spend(check, 1);) {
		struct meeting m = { .port = index->entries[few->first + i].port };

		m.a = host_record_port(index, few, m.port, &m.n_a);
		m.b = host_record_port(index, many, m.port, &m.n_b);
		i += m.n_a;
		if (m.n_b == 0)
			continue;
		if (check->connections_differ)
			compare_connections(check, &m);
		if (check->requests_differ)
			compare_requests(check, &m);
	}
}

/* One record, and the records it is compared with. */
struct seeker {
	struct check *check;
	const struct host_record *record;
};

static void meet_covering(void *ctx, const struct host_record *record)
{
	const struct seeker *seeker = ctx;

	if (spend(seeker->check, 1))
		compare_records(seeker->check, seeker->record, record);
}

static void meet_glob(const struct seeker *seeker, const struct host_record *other)
{
	const struct host_record *mine = seeker->record;
	struct check *check = seeker->check;

	/* With equal suffixes each would meet the other: once is enough. */
	if (other > mine && host_suffix(other->pattern).n == host_suffix(mine->pattern).n)
		return;
	if (spend(check, HOST_PAIR_COST) &&
	    (other == mine ||
	     host_patterns_overlap(mine->pattern, other->pattern, &check->budget)) &&
	    check->budget > 0)
		compare_records(check, mine, other);
}

static void meet_node(void *ctx, const struct host_node *node)
{
	const struct seeker *seeker = ctx;
	const struct host_index *index = &seeker->check->network->index;

	if (node->star != 0)
		meet_glob(seeker, &index->records[node->star - 1]);
	if (node->deep != 0)
		meet_glob(seeker, &index->records[node->deep - 1]);
	for (uint32_t i = 0; i < node->n_other; i++)
		meet_glob(seeker, &index->records[index->others[node->first_other + i]]);
}

/* Exact hosts look for all that covers them, wildcards for other wildcards whose suffix ends theirs. */
static void seek(struct check *check, const struct host_record *record)
{
	const struct host_index *index = &check->network->index;
	struct seeker seeker = { check, record };

	if (record->pattern.n == 0) {
		compare_records(check, record, record);
	} else if (!record->glob) {
		host_index_each(index, record->pattern, meet_covering, &seeker);
	} else {
		if (index->hostless != 0)
			compare_records(check, record, &index->records[index->hostless - 1]);
		host_index_suffixes(index, host_suffix(record->pattern), meet_node, &seeker);
	}
}

/* Where all endpoints agree, which is the rule, there is nothing to look for. */
static void note_differences(struct check *check)
{
	const struct net_endpoint *first = NULL, *first_rest = NULL;

	for (size_t i = 0; i < check->network->n_endpoints; i++) {
		const struct net_endpoint *endpoint = check->network->endpoints[i];

		if (!endpoint->valid)
			continue;
		first = first != NULL ? first : endpoint;
		check->connections_differ |= connection_difference(first, endpoint) != NULL;
		if (!endpoint->rest)
			continue;
		first_rest = first_rest != NULL ? first_rest : endpoint;
		check->requests_differ |= request_difference(first_rest, endpoint) != NULL;
	}
}

void validate_ambiguity(const struct policy_network *network, const struct report *report,
			struct mark at)
{
	struct check check = {
		.network = network,
		.report = report,
		.budget = COMPARISONS_MAX,
	};

	note_differences(&check);
	if (!check.connections_differ && !check.requests_differ)
		return;
	for (size_t i = 0; i < network->index.n_records && check.budget > 0; i++)
		seek(&check, &network->index.records[i]);
	if (check.budget == 0)
		report_error_at(
			report, at, "network_policies",
			"has too many overlapping endpoints that differ in tls, allowed_ips,"
			" enforcement or allow_encoded_slash to compare; make them agree");
}
