/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/policy_random.h"

#include "lib/cleanup.h"

uint32_t random_next(uint32_t *state)
{
	*state = *state * 1664525U + 1013904223U;
	return *state >> 8;
}

#define PICK(state, list) (list)[random_next(state) % ARRAY_LEN(list)]

static const char *const hosts[] = { "a.x.com",   "b.x.com",    "*.x.com",    "**.x.com",
				     "a*.x.com",  "*b.x.com",   "x.com",      "a.b.x.com",
				     "*.b.x.com", "a.*.x.com",  "**.b.x.com", "ab.x.com",
				     "*.*.x.com", "**.*.x.com", "a.y.com" };
static const char *const paths[] = { "/**",   "/a",  "/a/*",      "/a/**",     "/*/b",
				     "/**/b", "/a?", "/{a,b}/**", "/a/**/b/*", "**" };
static const char *const methods[] = { "GET", "POST", "'*'", "DELETE" };

static bool one_in(uint32_t *state, uint32_t n)
{
	return random_next(state) % n == 0;
}

static void put_rules(struct buf *text, uint32_t *state, const char *head, const char *tail)
{
	buf_printf(text, "%s", head);
	for (uint32_t i = random_next(state) % 3 + 1; i > 0; i--)
		buf_printf(text, "{%smethod: %s, path: '%s'%s}%s,",
			   tail[0] != '\0' ? "allow: {" : "", PICK(state, methods),
			   PICK(state, paths),
			   random_next(state) % 4 == 0 ? ", query: {q: 'a*'}" : "", tail);
	buf_puts(text, "]");
}

static void put_endpoint(struct buf *text, uint32_t *state, bool wild, const char *common)
{
	buf_printf(text, "     - {host: '%s', port: %u%s", PICK(state, hosts),
		   1 + random_next(state) % 2, common);
	uint32_t kind = random_next(state) % 4;
	if (kind == 1)
		buf_puts(text, ", protocol: rest, access: read-only");
	if (kind > 1) {
		buf_puts(text, ", protocol: rest");
		put_rules(text, state, ", rules: [", "}");
		if (one_in(state, 2))
			put_rules(text, state, ", deny_rules: [", "");
		if (one_in(state, 2))
			buf_printf(text, ", path: '%s'", PICK(state, paths));
	}
	if (wild && kind > 0 && one_in(state, 5))
		buf_puts(text, ", enforcement: audit");
	if (wild && kind > 0 && one_in(state, 5))
		buf_puts(text, ", allow_encoded_slash: true");
	buf_puts(text, "}\n");
}

void random_policy_text(uint32_t *state, bool wild, struct buf *text)
{
	static const char *const commons[] = { "", "", ", tls: skip",
					       ", allowed_ips: [10.1.0.0/16]",
					       ", allowed_ips: [10.1.0.0/16, 'fd00::/48']" };
	const char *common = wild ? PICK(state, commons) : "";
	uint32_t endpoints_max = wild ? 3 : 8;

	buf_puts(text, "version: 1\nnetwork_policies:\n");
	for (int p = 0; p < 4; p++) {
		buf_printf(text, "  p%u%d:\n   binaries: [{path: /bin/%d}]\n   endpoints:\n",
			   random_next(state) % 10, p, p);
		for (uint32_t i = random_next(state) % endpoints_max + 1; i > 0; i--)
			put_endpoint(text, state, wild, common);
	}
}

struct policy_request random_request_make(uint32_t *state, struct random_request *out)
{
	static const char *const asked_hosts[] = {
		"a.x.com",   "b.x.com",     "ab.x.com",  "x.com",
		"a.b.x.com", "c.d.b.x.com", "a.c.x.com", "y.com"
	};
	static const char *const asked_paths[] = { "/",   "/a",       "/a/", "/a/b",
						   "/ab", "/a/x/b/c", "/b",  "/x/y/b" };
	static const char *const asked_methods[] = { "GET", "HEAD", "POST", "DELETE" };
	static const char *const queries[] = { "", "q=a1", "q=b", "q=a&q=b", "p=a" };
	static const char *const binaries[] = { "/bin/0", "/bin/1", "/bin/2", "/bin/3", "/bin/4" };

	out->ancestor = PICK(state, binaries);
	return (struct policy_request){
		.host = slice_text(PICK(state, asked_hosts)),
		.port = (uint16_t)(1 + random_next(state) % 2),
		.binary = PICK(state, binaries),
		.ancestors = &out->ancestor,
		.n_ancestors = random_next(state) % 2,
		.relaxed_identity = random_next(state) % 4 == 0,
		.method = slice_text(PICK(state, asked_methods)),
		.path = slice_text(PICK(state, asked_paths)),
		.query = slice_text(PICK(state, queries)),
	};
}
