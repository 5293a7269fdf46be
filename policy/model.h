/* SPDX-License-Identifier: Apache-2.0 */
/* model: network_policies as the text has them, checked one by one but not yet indexed. Everything
 * lives in the arena of the policy. */
#ifndef POLICY_MODEL_H
#define POLICY_MODEL_H

#include "policy/cidr.h"
#include "policy/pattern.h"
#include "policy/report.h"

enum net_access {
	NET_ACCESS_NONE = 0,
	NET_ACCESS_READ_ONLY,
	NET_ACCESS_READ_WRITE,
	NET_ACCESS_FULL,
};

/* All values of the key (allow) or one of them (deny) must match one of the patterns. */
struct net_query {
	struct slice key;
	struct pattern *any;
	size_t n;
};

struct net_rule {
	struct slice method; /* upper case; "*" for any */
	struct pattern path;
	const struct net_query *queries;
	size_t n_queries;
	const char *text; /* "GET /repos" */
};

struct net_endpoint {
	struct mark at;
	const char *place;
	uint32_t policy; /* its index in the model */
	bool valid; /* nothing is wrong with it by itself */

	struct slice host; /* in its one form; empty: any host, by port and allowed_ips */
	bool host_is_glob;
	const uint16_t *ports; /* ascending, each once */
	size_t n_ports;
	struct cidr_list allowed_ips; /* ascending, each once */
	bool skip_tls;

	bool rest; /* requests are inspected; without it the rest is empty */
	bool audit;
	bool encoded_slash;
	struct pattern path; /* n == 0: every path */
	unsigned specificity; /* of `path`: its characters besides `*` */
	enum net_access access;
	const struct net_rule *rules, *deny_rules;
	size_t n_rules, n_deny_rules;
};

struct net_binary {
	bool glob;
	struct slice path; /* without glob: compared as it is */
	struct pattern pattern;
};

struct net_policy {
	const char *key, *name;
	struct net_endpoint *endpoints;
	size_t n_endpoints;
	struct net_binary *binaries; /* exact ones first, ascending; then globs */
	size_t n_binaries, n_exact_binaries;
};

struct model {
	struct net_policy *policies; /* ascending by name, then key */
	size_t n;
	size_t n_endpoints, n_binaries; /* of all policies */
};

#endif
