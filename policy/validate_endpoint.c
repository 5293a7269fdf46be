/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/parse.h"

#include "lib/cleanup.h"
#include "policy/match_host.h"

/* Fields that say something about requests, which only an inspected endpoint sees. */
static void check_uninspected(const struct value *value, const struct net_endpoint *endpoint)
{
	static const char *const inspected_only[] = {
		"access", "rules", "deny_rules", "path", "allow_encoded_slash",
	};

	for (size_t i = 0; i < ARRAY_LEN(inspected_only); i++)
		if (value_child(value, inspected_only[i]) != NULL)
			value_error(
				value,
				"`%s` needs `protocol: rest`; add it, or remove `%s`, as requests"
				" are not looked at without",
				inspected_only[i], inspected_only[i]);
	if (endpoint->audit)
		value_error(value,
			    "`enforcement: audit` needs `protocol: rest`; connections are always"
			    " enforced");
}

static void check_inspected(const struct value *value, const struct field_set *set,
			    const struct net_endpoint *endpoint)
{
	bool access = value_child(value, "access") != NULL;
	bool rules = value_child(value, "rules") != NULL;

	if (access && rules)
		value_error(value, "has both `access` and `rules`; keep one of them");
	if (value_misses(value, set, "access") && value_misses(value, set, "rules"))
		value_error(value, "`protocol: rest` needs `access` or `rules`; add"
				   " `access: read-only`, or rules");
	if (!endpoint->skip_tls)
		return;
	for (size_t i = 0; i < endpoint->n_ports; i++)
		if (endpoint->ports[i] == 443)
			value_warning(value,
				      "`tls: skip` hides the requests on port 443 from the rules;"
				      " remove one of the two");
}

static void check_host(const struct value *value, const struct field_set *set,
		       const struct net_endpoint *endpoint)
{
	struct slice host = endpoint->host;
	struct address address;

	if (value_misses(value, set, "host") && value_misses(value, set, "allowed_ips"))
		value_error(value, "needs `host`; name one, or list `allowed_ips`");
	if (host.n == 0 || !address_parse(host, &address))
		return;
	struct cidr block = { address, 128 };
	const char *blocked = cidr_always_blocked(&block);
	if (blocked != NULL)
		value_warning(value, "host %s is in %s, which is never reachable", quote(host).text,
			      blocked);
}

void validate_endpoint(const struct value *value, const struct field_set *set,
		       const struct net_endpoint *endpoint)
{
	bool port = value_child(value, "port") != NULL;
	bool ports = value_child(value, "ports") != NULL;

	check_host(value, set, endpoint);
	if (port && ports)
		value_error(value, "has both `port` and `ports`; keep one of them");
	if (value_misses(value, set, "port") && value_misses(value, set, "ports"))
		value_error(value, "needs `port`; name one, or several under `ports`");
	if (endpoint->rest)
		check_inspected(value, set, endpoint);
	else if (value_misses(value, set, "protocol"))
		check_uninspected(value, endpoint);
}
