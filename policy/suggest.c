/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest addition that allows a request: a network policy of its own for this host, port and program, as
 * an addition to another one would give its rules to more programs or hosts than ask. */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "policy/canon_path.h"
#include "policy/identity.h"
#include "policy/match_host.h"
#include "policy/network.h"
#include "policy/policy.h"

enum {
	/* Names have 128 bytes; the number behind takes some. */
	NAME_HOST_MAX = 100,
	NAME_MAX_BYTES = 128,
	/* Twice a path, as every byte of it may need an escape, and some words. */
	ADDITION_MAX = 64 << 10,
};

/* What an endpoint must say like those that cover the same host and port. */
struct common {
	bool skip_tls;
	const struct cidr_list *allowed_ips;
};

struct draft {
	const struct policy *policy;
	const struct policy_request *request;
	struct host_name host;
	struct common common;
	char name[NAME_MAX_BYTES];
	bool path_too; /* the endpoint itself is for this path only */
};

static void find_common(void *ctx, const struct host_record *record)
{
	struct draft *draft = ctx;
	size_t n;
	const struct host_entry *entries =
		host_record_port(&draft->policy->network->index, record, draft->request->port, &n);

	/* Endpoints that overlap agree on both. */
	for (size_t i = 0; i < n; i++) {
		draft->common.skip_tls = entries[i].endpoint->skip_tls;
		draft->common.allowed_ips = &entries[i].endpoint->allowed_ips;
	}
}

static bool is_taken(const struct model *model, const char *name)
{
	for (size_t i = 0; i < model->n; i++)
		if (strcmp(model->policies[i].key, name) == 0 ||
		    strcmp(model->policies[i].name, name) == 0)
			return true;
	return false;
}

/* "allow-api-example-com-443", with a number where that is there already. */
static void choose_name(struct draft *draft)
{
	char host[NAME_HOST_MAX];
	size_t n = 0;

	for (; n < draft->host.n && n + 1 < sizeof(host); n++) {
		char c = draft->host.text[n];

		host[n] = isalnum((unsigned char)c) ? c : '-';
	}
	host[n] = '\0';
	snprintf(draft->name, sizeof(draft->name), "allow-%s-%u", host, draft->request->port);
	for (unsigned i = 2; is_taken(&draft->policy->network->model, draft->name); i++)
		snprintf(draft->name, sizeof(draft->name), "allow-%s-%u-%u", host,
			 draft->request->port, i);
}

/* --- writing ------------------------------------------------------------------------------------- */

/* JSON's strings are YAML's. */
static void put_field(struct buf *out, const char *indent, const char *name, struct slice value)
{
	buf_printf(out, "%s%s: ", indent, name);
	buf_put_json(out, value);
	buf_puts(out, "\n");
}

/* A pattern that matches exactly `text`. */
static void put_literal(struct buf *out, const char *indent, const char *name, struct slice text)
{
	AUTO(buf_done) struct buf literal = buf_init(2 * POLICY_REQUEST_PATH_MAX);

	for (size_t i = 0; i < text.n; i++) {
		if (strchr("*?[]{}\\", text.p[i]) != NULL)
			buf_puts(&literal, "\\");
		buf_put(&literal, &text.p[i], 1);
	}
	put_field(out, indent, name, buf_slice(&literal));
}

static void put_block(struct buf *out, const struct cidr *block)
{
	char text[INET6_ADDRSTRLEN];
	bool v4 = address_is_v4(block->base) && block->prefix >= 96;

	inet_ntop(v4 ? AF_INET : AF_INET6, block->base.bytes + (v4 ? 12 : 0), text, sizeof(text));
	buf_printf(out, "\"%s/%u\"", text, block->prefix - (v4 ? 96 : 0));
}

static void put_common(struct buf *out, const struct common *common)
{
	if (common->skip_tls)
		buf_puts(out, "        tls: skip\n");
	if (common->allowed_ips == NULL || common->allowed_ips->n == 0)
		return;
	buf_puts(out, "        allowed_ips: [");
	for (size_t i = 0; i < common->allowed_ips->n; i++) {
		buf_puts(out, i > 0 ? ", " : "");
		put_block(out, &common->allowed_ips->items[i]);
	}
	buf_puts(out, "]\n");
}

static void put_rule(struct buf *out, const struct draft *draft)
{
	const struct policy_request *request = draft->request;
	char method[POLICY_METHOD_MAX + 1];
	size_t n = 0;

	for (; n < request->method.n && n < POLICY_METHOD_MAX; n++)
		method[n] = (char)toupper(request->method.p[n]);
	method[n] = '\0';
	buf_puts(out, "        protocol: rest\n");
	if (draft->path_too)
		put_literal(out, "        ", "path", request->path);
	if (canon_has_encoded_slash(request->path))
		buf_puts(out, "        allow_encoded_slash: true\n");
	buf_puts(out, "        rules:\n          - allow:\n");
	put_field(out, "              ", "method", slice_text(method));
	put_literal(out, "              ", "path", request->path);
}

static void put_binary(struct buf *out, const char *binary)
{
	buf_puts(out, "    binaries:\n");
	/* Without a `*` it is no pattern, and nothing is escaped. */
	if (strchr(binary, '*') != NULL)
		put_literal(out, "      - ", "path", slice_text(binary));
	else
		put_field(out, "      - ", "path", slice_text(binary));
}

static void put_addition(struct buf *out, const struct draft *draft)
{
	buf_printf(out, "  %s:\n    endpoints:\n", draft->name);
	put_field(out, "      - ", "host",
		  (struct slice){ (const uint8_t *)draft->host.text, draft->host.n });
	buf_printf(out, "        port: %u\n", draft->request->port);
	put_common(out, &draft->common);
	if (draft->request->method.n > 0)
		put_rule(out, draft);
	if (draft->request->binary != NULL)
		put_binary(out, draft->request->binary);
}

/* --- trying -------------------------------------------------------------------------------------- */

/* Whether the policy takes the addition, and what it decides then; `out_why` where it does not do. */
static bool try(const struct draft *draft, struct slice text, const struct buf *addition,
		struct buf *out_why)
{
	AUTO(policy_problems_done) struct policy_problems problems = { 0 };
	AUTO(buf_done) struct buf document = buf_init(ADDITION_MAX);

	buf_puts(&document, "version: 1\nnetwork_policies:\n");
	buf_put(&document, addition->p, addition->n);
	AUTO(policy_free_slot)
	struct policy *both = policy_parse_with(text, buf_slice(&document), &problems);
	buf_clear(out_why);
	if (both == NULL) {
		buf_printf(out_why, "an addition would contradict what is there: %s: %s",
			   problems.items[0].place, problems.items[0].text);
		return false;
	}
	struct policy_decision d = draft->request->method.n > 0
					   ? policy_decide_request(both, draft->request)
					   : policy_decide_connect(both, draft->request);
	if (d.verdict == POLICY_ALLOW && !d.audited)
		return true;
	buf_puts(out_why, "no addition would allow it: ");
	policy_explain(draft->request, &d, out_why);
	return false;
}

bool policy_suggest(const struct policy *policy, struct slice text,
		    const struct policy_request *request, struct buf *out)
{
	AUTO(buf_done) struct buf why = buf_init(ADDITION_MAX);
	struct draft draft = { .policy = policy, .request = request };

	if (!host_normalise(request->host, &draft.host)) {
		buf_puts(out, "the host is neither a name nor an address");
		return false;
	}
	if (request->binary == NULL && !request->relaxed_identity) {
		buf_puts(out,
			 "the program that asks is not known, and no policy is for unknown ones");
		return false;
	}
	host_index_each(&policy->network->index,
			(struct slice){ (const uint8_t *)draft.host.text, draft.host.n },
			find_common, &draft);
	choose_name(&draft);
	/* The second form is more specific than what is there, where the first contradicts it. */
	for (int form = 0; form < 2; form++) {
		AUTO(buf_done) struct buf addition = buf_init(ADDITION_MAX);

		draft.path_too = form == 1;
		put_addition(&addition, &draft);
		if (!addition.overflow && try(&draft, text, &addition, &why)) {
			buf_put(out, addition.p, addition.n);
			return true;
		}
		if (request->method.n == 0)
			break;
	}
	buf_put(out, why.p, why.n);
	return false;
}
