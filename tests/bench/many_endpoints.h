/* SPDX-License-Identifier: Apache-2.0 */
/* many_endpoints: the policy that figures about large policies are taken with. */
#ifndef TESTS_BENCH_MANY_ENDPOINTS_H
#define TESTS_BENCH_MANY_ENDPOINTS_H

#include "lib/buf.h"
#include "policy/policy.h"

/* A third each of exact hosts, `*.` and `**.` hosts; two of three inspected. */
static inline void many_endpoints_put(struct buf *text, int i)
{
	static const char *const prefixes[] = { "api", "*", "**" };
	static const char *const rules[] = {
		"",
		",protocol: rest,access: read-only",
		",protocol: rest,rules: [{allow: {method: GET,path: /v1/**}}]",
	};

	buf_printf(text, "  - {host: \"%s.s%d.example.com\",port: 443%s}\n", prefixes[i % 3], i,
		   rules[i / 3 % 3]);
}

static inline struct buf many_endpoints_text(int n)
{
	struct buf text = buf_init(POLICY_TEXT_MAX);

	buf_puts(&text, "version: 1\nnetwork_policies:\n p:\n  binaries: [{path: /usr/bin/curl}]\n"
			"  endpoints:\n");
	for (int i = 0; i < n; i++)
		many_endpoints_put(&text, i);
	return text;
}

#endif
