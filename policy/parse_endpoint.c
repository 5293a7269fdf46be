/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/parse.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/cleanup.h"
#include "policy/match_host.h"

/* An endpoint that is being read. */
struct draft {
	struct net_endpoint *endpoint;
	uint16_t *ports;
	struct cidr *ips;
	size_t n_ips;
	bool encoded_slash; /* known before the rules are read, wherever it stands */
};

static void read_host(const struct value *value, void *out)
{
	struct draft *draft = out;
	struct host_name name;
	struct slice text;
	struct err err;

	if (!value_text(value, &text))
		return;
	if (host_pattern_check(text, &name, &draft->endpoint->host_is_glob, &err) == -1) {
		value_error(value, "%s %s", quote(text).text, err.msg);
		return;
	}
	struct slice host = { (const uint8_t *)name.text, name.n };
	draft->endpoint->host.p = (const uint8_t *)arena_copy(value->reader->arena, host);
	draft->endpoint->host.n = name.n;
}

static void read_port_into(const struct value *value, struct draft *draft)
{
	unsigned long port;

	if (value_number(value, 1, UINT16_MAX, &port))
		draft->ports[draft->endpoint->n_ports++] = (uint16_t)port;
}

static void read_port(const struct value *value, void *out)
{
	struct draft *draft = out;

	draft->ports = arena_alloc(value->reader->arena, 1, sizeof(*draft->ports));
	draft->endpoint->n_ports = 0;
	read_port_into(value, draft);
}

static void read_ports_item(const struct value *value, void *out)
{
	read_port_into(value, out);
}

static int compare_ports(const void *left, const void *right)
{
	const uint16_t *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

static void read_ports(const struct value *value, void *out)
{
	struct draft *draft = out;
	struct net_endpoint *endpoint = draft->endpoint;
	size_t kept = 0;

	draft->ports = arena_alloc(value->reader->arena, value->node->n, sizeof(*draft->ports));
	endpoint->n_ports = 0;
	if (!value_each(value, "a list of ports", read_ports_item, draft))
		return;
	if (value->node->n == 0)
		value_error(value, "is an empty list; name at least one port");
	if (endpoint->n_ports > 1)
		qsort(draft->ports, endpoint->n_ports, sizeof(*draft->ports), compare_ports);
	for (size_t i = 0; i < endpoint->n_ports; i++)
		if (i == 0 || draft->ports[i] != draft->ports[kept - 1])
			draft->ports[kept++] = draft->ports[i];
	endpoint->n_ports = kept;
}

static void read_protocol(const struct value *value, void *out)
{
	static const char *const later[] = { "tcp", "websocket", "graphql", "mcp", "json-rpc" };
	struct draft *draft = out;
	struct slice text;

	if (!value_text(value, &text))
		return;
	if (text.n == 4 && strncasecmp((const char *)text.p, "rest", 4) == 0) {
		draft->endpoint->rest = true;
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(later); i++) {
		if (strlen(later[i]) != text.n ||
		    strncasecmp((const char *)text.p, later[i], text.n) != 0)
			continue;
		value_error(value,
			    "protocol %s is not supported by this version; write rest, or remove it"
			    " to decide by host and port alone",
			    quote(text).text);
		return;
	}
	value_error(value,
		    "protocol %s cannot be inspected; write rest, or remove it to decide by host"
		    " and port alone",
		    quote(text).text);
}

static void read_tls(const struct value *value, void *out)
{
	enum { TLS_AUTO = 0, TLS_SKIP, TLS_TERMINATE, TLS_PASSTHROUGH };
	static const char *const words[] = { "auto", "skip", "terminate", "passthrough" };
	struct draft *draft = out;
	struct slice text;
	size_t which;

	if (!value_text(value, &text))
		return;
	for (which = 0; which < ARRAY_LEN(words); which++)
		if (strlen(words[which]) == text.n && memcmp(words[which], text.p, text.n) == 0)
			break;
	if (which == ARRAY_LEN(words)) {
		value_error(value, "%s is not known here; write auto or skip", quote(text).text);
		return;
	}
	if (which >= TLS_TERMINATE)
		value_warning(value, "%s is an old name for auto; write auto%s", quote(text).text,
			      which == TLS_PASSTHROUGH ? ", or skip to leave TLS unopened" : "");
	draft->endpoint->skip_tls = which == TLS_SKIP;
}

static void read_enforcement(const struct value *value, void *out)
{
	static const char *const words[] = { "enforce", "audit" };
	struct draft *draft = out;
	size_t which;

	if (value_word(value, words, ARRAY_LEN(words), &which))
		draft->endpoint->audit = which == 1;
}

static void read_access(const struct value *value, void *out)
{
	static const char *const words[] = { "read-only", "read-write", "full" };
	static const enum net_access presets[] = {
		NET_ACCESS_READ_ONLY,
		NET_ACCESS_READ_WRITE,
		NET_ACCESS_FULL,
	};
	struct draft *draft = out;
	size_t which;

	if (value_word(value, words, ARRAY_LEN(words), &which))
		draft->endpoint->access = presets[which];
}

/* Room for the items of a list of rules; NULL if it is no list, or an empty one. */
static struct net_rule *rules_room(const struct value *value, const char *empty)
{
	if (!value_is(value, TREE_LIST, "a list of rules"))
		return NULL;
	if (value->node->n == 0) {
		value_error(value, "is an empty list, which %s; write a rule, or remove the key",
			    empty);
		return NULL;
	}
	return arena_alloc(value->reader->arena, value->node->n, sizeof(struct net_rule));
}

static void read_rules(const struct value *value, void *out)
{
	struct draft *draft = out;
	struct net_rule *rules = rules_room(value, "allows nothing");
	size_t i = 0;

	if (rules == NULL)
		return;
	for (const struct tree_node *node = value->node->first; node != NULL; node = node->next) {
		struct place place = { .parent = value->place, .index = i };
		struct value item = { value->reader, node, &place };

		parse_allow_rule(&item, draft->encoded_slash, &rules[i++]);
	}
	draft->endpoint->rules = rules;
	draft->endpoint->n_rules = i;
}

static void read_deny_rules(const struct value *value, void *out)
{
	struct draft *draft = out;
	struct net_rule *rules = rules_room(value, "denies nothing");
	size_t i = 0;

	if (rules == NULL)
		return;
	for (const struct tree_node *node = value->node->first; node != NULL; node = node->next) {
		struct place place = { .parent = value->place, .index = i };
		struct value item = { value->reader, node, &place };

		parse_deny_rule(&item, draft->encoded_slash, &rules[i++]);
	}
	draft->endpoint->deny_rules = rules;
	draft->endpoint->n_deny_rules = i;
}

static void read_path(const struct value *value, void *out)
{
	struct draft *draft = out;
	struct net_endpoint *endpoint = draft->endpoint;

	parse_path_pattern(value, draft->encoded_slash, &endpoint->path);
	for (size_t i = 0; i < value->node->text.n; i++)
		endpoint->specificity += value->node->text.p[i] != '*';
}

static void read_allowed_ip(const struct value *value, void *out)
{
	/* A cloud's private network is a /16 at most; IPv6's is a /32. In the 16-byte form. */
	enum { WIDE_V4 = 96 + 16, WIDE_V6 = 32 };
	struct draft *draft = out;
	struct cidr block;
	struct slice text;
	struct err err;
	bool masked;

	if (!value_text(value, &text))
		return;
	if (cidr_parse(text, &block, &masked, &err) == -1) {
		value_error(value, "%s %s", quote(text).text, err.msg);
		return;
	}
	const char *blocked = cidr_always_blocked(&block);
	if (blocked != NULL) {
		value_error(value,
			    "%s overlaps %s, which is never reachable; name a narrower block",
			    quote(text).text, blocked);
		return;
	}
	if (masked)
		value_warning(value, "%s has bits behind its prefix; they are ignored",
			      quote(text).text);
	if (block.prefix < (address_is_v4(block.base) ? WIDE_V4 : WIDE_V6))
		value_warning(value, "%s is a very wide block; name a narrower one",
			      quote(text).text);
	draft->ips[draft->n_ips++] = block;
}

static int compare_blocks(const void *left, const void *right)
{
	const struct cidr *a = left, *b = right;
	int order = memcmp(a->base.bytes, b->base.bytes, sizeof(a->base.bytes));

	if (order != 0)
		return order;
	return a->prefix < b->prefix ? -1 : a->prefix > b->prefix;
}

/* In one order, each once, so that equal sets are equal lists. */
static void read_allowed_ips(const struct value *value, void *out)
{
	struct draft *draft = out;
	size_t kept = 0;

	draft->ips = arena_alloc(value->reader->arena, value->node->n, sizeof(*draft->ips));
	if (!value_each(value, "a list of addresses", read_allowed_ip, draft))
		return;
	if (value->node->n == 0)
		value_error(value, "is an empty list; name an address, or remove the key");
	if (draft->n_ips > 1)
		qsort(draft->ips, draft->n_ips, sizeof(*draft->ips), compare_blocks);
	for (size_t i = 0; i < draft->n_ips; i++)
		if (i == 0 || compare_blocks(&draft->ips[i], &draft->ips[kept - 1]) != 0)
			draft->ips[kept++] = draft->ips[i];
	draft->endpoint->allowed_ips = (struct cidr_list){ draft->ips, kept };
}

static void read_encoded_slash(const struct value *value, void *out)
{
	struct draft *draft = out;

	value_bool(value, &draft->endpoint->encoded_slash);
}

static const struct field fields[] = {
	{ "host", read_host },
	{ "port", read_port },
	{ "ports", read_ports },
	{ "protocol", read_protocol },
	{ "tls", read_tls },
	{ "enforcement", read_enforcement },
	{ "access", read_access },
	{ "rules", read_rules },
	{ "deny_rules", read_deny_rules },
	{ "path", read_path },
	{ "allowed_ips", read_allowed_ips },
	{ "allow_encoded_slash", read_encoded_slash },
};

static const char *const later_fields[] = {
	"websocket_credential_rewrite",
	"request_body_credential_rewrite",
	"allow_uninspected_credentials",
	"persisted_queries",
	"graphql_persisted_queries",
	"graphql_max_body_bytes",
	"credential_signing",
	"signing_service",
	"signing_region",
	"credential_binding",
	"json_rpc",
	"mcp",
};

static const struct field_set endpoint_set = {
	.what = "an endpoint",
	.fields = fields,
	.n = ARRAY_LEN(fields),
	.later = later_fields,
	.n_later = ARRAY_LEN(later_fields),
};

void parse_endpoint(const struct value *value, struct net_endpoint *out)
{
	struct draft draft = { .endpoint = out };
	const struct tree_node *encoded_slash = value_child(value, "allow_encoded_slash");
	size_t before = report_errors(value->reader->report);

	draft.encoded_slash = encoded_slash != NULL && encoded_slash->text.n == strlen("true") &&
			      memcmp(encoded_slash->text.p, "true", strlen("true")) == 0;
	out->at = value->node->at;
	bool is_mapping = value_fields(value, &endpoint_set, &draft);
	out->ports = draft.ports;
	if (is_mapping)
		validate_endpoint(value, &endpoint_set, out);
	out->valid = report_errors(value->reader->report) == before;
}
