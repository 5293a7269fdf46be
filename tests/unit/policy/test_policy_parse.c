/* SPDX-License-Identifier: Apache-2.0 */
/* From text to policy: what is accepted, and for all else the line, column, place and words. */
#include <check.h>
#include <stdlib.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/mem.h"
#include "policy/policy.h"

/* The endpoint that most cases put something into. */
#define ENDPOINT(fields) "version: 1\nnetwork_policies: {p: {endpoints: [{" fields "}]}}\n"
#define ENDPOINT_AT(fields) "version: 1\nnetwork_policies: {p: {endpoints: [^{" fields "}]}}\n"
#define HOST "host: a.example.com, port: 443"
#define REST HOST ", protocol: rest"
#define RULE(fields) ENDPOINT(REST ", rules: [{allow: {" fields "}}]")
#define RULE_AT(fields) ENDPOINT(REST ", rules: [{allow: ^{" fields "}}]")
#define DENY(fields) ENDPOINT(REST ", access: full, deny_rules: [{" fields "}]")

static const char *const accept_cases[] = {
	"version: 1\n",
	"{\"version\": 1}",
	"{\"version\":1,\"network_policies\":{\"p\":{\"endpoints\":[{\"host\":\"a.example.com\","
	"\"port\":443}],\"binaries\":[{\"path\":\"/usr/bin/curl\"}]}}}",
	"---\nversion: 1\n...\n",
	"\xef\xbb\xbfversion: 1\n",
	"version: 1\r\nnetwork_policies: {}\r\n",
	"version: 1\nfilesystem_policy: {}\nlandlock: {}\nprocess: {}\nnetwork_policies: {}\n",
	"version: 1\nfilesystem_policy: {include_workdir: true, read_only: [/], read_write: []}\n",
	"version: 1\nprocess: {run_as_user: sandbox, run_as_group: '1000'}\n",
	ENDPOINT(HOST),
	ENDPOINT("host: a.example.com, ports: [443, 80, 443]"),
	ENDPOINT("host: '**.example.com', port: 1"),
	ENDPOINT("host: 192.0.2.7, port: 65535"),
	ENDPOINT("port: 443, allowed_ips: [10.0.0.0/8, 'fd00::/8']"),
	ENDPOINT(HOST ", tls: auto"),
	ENDPOINT(HOST ", tls: skip"),
	ENDPOINT(HOST ", tls: terminate"),
	ENDPOINT(HOST ", tls: passthrough"),
	ENDPOINT(HOST ", enforcement: enforce"),
	ENDPOINT(HOST ", protocol: REST, access: read-only, enforcement: audit"),
	ENDPOINT(REST ", access: full, path: /v1/**, allow_encoded_slash: true"),
	RULE("method: '*', path: '**'"),
	RULE("method: get, path: /a"),
	RULE("method: PURGE, path: /a"),
	RULE("method: GET, path: '/a/{b,c}/[0-9]*'"),
	RULE("method: GET, path: /a%20b/%C3%A9"),
	RULE("method: GET, path: /a, query: {page: '1', q: {any: [a*, b]}}"),
	DENY("method: DELETE"),
	DENY("path: /admin/**"),
	DENY("query: {force: 'true'}"),
	"version: 1\nnetwork_policies: {p: {name: my policy, endpoints: [], binaries: []}}\n",
	"version: 1\nnetwork_policies: {p: {binaries: [{path: '/usr/bin/['}, {path: '/opt/**', "
	"harness: x}]}}\n",
};

START_TEST(these_policies_are_accepted)
{
	AUTO(policy_problems_done) struct policy_problems problems = { 0 };
	AUTO(policy_free_slot)
	struct policy *policy = policy_parse(slice_text(accept_cases[_i]), &problems);

	ck_assert_msg(policy != NULL, "%s\n%s: %s", accept_cases[_i],
		      problems.n > 0 ? problems.items[0].place : "",
		      problems.n > 0 ? problems.items[0].text : "");
	ck_assert_uint_eq(problems.n, 0);
}
END_TEST

static const struct {
	const char *text; /* '^' stands before what is wrong, and is taken out */
	const char *place, *says;
} refuse_cases[] = {
	/* The text */
	{ "^", "", "is empty" },
	{ "^# nothing\n", "", "is empty" },
	{ "version: [1\n^", "version[0]", "not valid YAML" },
	{ "version: 1\n^version: 1\n", "version", "stands twice" },
	{ "version: 1\n^\"version\": 1\n", "version", "before at line 1" },
	{ "version: ^&a 1\n", "version", "anchors" },
	{ "version: ^*a\n", "version", "aliases" },
	{ "version: ^!!int 1\n", "version", "tags" },
	{ "version: ^! 1\n", "version", "tags" },
	{ "^%YAML 1.1\n---\nversion: 1\n", "", "directives" },
	{ "version: 1\n^---\nversion: 1\n", "", "second YAML document" },
	{ "? ^[a]\n: b\nversion: 1\n", "['']", "plain text" },
	{ "version: 1\nx: ^\xff\n", "", "not UTF-8" },
	{ "version: 1\nx: ^\x01\n", "", "control characters" },
	{ "version: 1\nlandlock: {compatibility: *^}\n", "landlock.compatibility", "in quotes" },
	{ "^- version\n", "", "must be a mapping" },
	{ "^version\n", "", "must be a mapping" },
	/* Top level */
	{ "^landlock: {}\n", "", "write `version: 1`" },
	{ "version: ^2\n", "version", "write 1" },
	{ "version: ^0\n", "version", "write 1" },
	{ "version: ^'1'\n", "version", "without quotes" },
	{ "version: ^1.0\n", "version", "decimal number" },
	{ "version: ^0x1\n", "version", "decimal number" },
	{ "version: ^01\n", "version", "decimal number" },
	{ "version: ^+1\n", "version", "decimal number" },
	{ "version:^\n", "version", "is empty" },
	{ "version: 1\n^network_policy: {}\n", "network_policy",
	  "did you mean 'network_policies'" },
	{ "version: 1\n^x: {}\n", "x", "a policy has: version, filesystem_policy" },
	{ "version: 1\n^network_middlewares: {}\n", "network_middlewares",
	  "not supported by this version" },
	{ "version: 1\nnetwork_policies:^\n", "network_policies", "is empty" },
	{ "version: 1\nnetwork_policies: ^[]\n", "network_policies", "not a list" },
	/* Files */
	{ "version: 1\nfilesystem_policy: {read_only: ^/usr}\n", "filesystem_policy.read_only",
	  "a list of paths" },
	{ "version: 1\nfilesystem_policy: {read_only: [^usr]}\n", "filesystem_policy.read_only[0]",
	  "not absolute" },
	{ "version: 1\nfilesystem_policy: {read_only: [^/a/../b]}\n",
	  "filesystem_policy.read_only[0]", "'..'" },
	{ "version: 1\nfilesystem_policy: {read_only: [^/a/..]}\n",
	  "filesystem_policy.read_only[0]", "'..'" },
	{ "version: 1\nfilesystem_policy: {read_write: [^/]}\n", "filesystem_policy.read_write[0]",
	  "cannot be writable" },
	{ "version: 1\nfilesystem_policy: {read_write: [^//./]}\n",
	  "filesystem_policy.read_write[0]", "cannot be writable" },
	{ "version: 1\nfilesystem_policy: {read_only: [^\"/a\\0b\"]}\n",
	  "filesystem_policy.read_only[0]", "control character" },
	{ "version: 1\nfilesystem_policy: {include_workdir: ^yes}\n",
	  "filesystem_policy.include_workdir", "write true or false" },
	{ "version: 1\nfilesystem_policy: {include_workdir: ^'true'}\n",
	  "filesystem_policy.include_workdir", "without quotes" },
	{ "version: 1\nfilesystem_policy: {include_workdir: ^True}\n",
	  "filesystem_policy.include_workdir", "write true or false" },
	{ "version: 1\nlandlock: {compatibility: ^strict}\n", "landlock.compatibility",
	  "best_effort or hard_requirement" },
	/* Identity */
	{ "version: 1\nprocess: {run_as_user: ^0}\n", "process.run_as_user", "is root" },
	{ "version: 1\nprocess: {run_as_user: ^'00'}\n", "process.run_as_user", "is root" },
	{ "version: 1\nprocess: {run_as_user: ^root}\n", "process.run_as_user", "is root" },
	{ "version: 1\nprocess: {run_as_group: ^4294967295}\n", "process.run_as_group",
	  "1..4294967294" },
	{ "version: 1\nprocess: {run_as_user: ^nobody}\n", "process.run_as_user",
	  "1..4294967294 or sandbox" },
	{ "version: 1\nprocess: {run_as_user: ^-1}\n", "process.run_as_user", "numeric" },
	/* Endpoints */
	{ ENDPOINT("^hots: a.example.com, port: 443"), "network_policies.p.endpoints[0].hots",
	  "did you mean 'host'?" },
	{ ENDPOINT_AT("port: 443"), "network_policies.p.endpoints[0]", "needs `host`" },
	{ ENDPOINT_AT("host: a.example.com"), "network_policies.p.endpoints[0]", "needs `port`" },
	{ ENDPOINT("host: ^'', port: 443"), "network_policies.p.endpoints[0].host", "empty text" },
	{ ENDPOINT("host: ^'*.com', port: 443"), "network_policies.p.endpoints[0].host",
	  "two labels" },
	{ ENDPOINT("host: a.example.com, port: ^0"), "network_policies.p.endpoints[0].port",
	  "1..65535" },
	{ ENDPOINT("host: a.example.com, port: ^65536"), "network_policies.p.endpoints[0].port",
	  "1..65535" },
	{ ENDPOINT("host: a.example.com, port: ^99999999999999999999"),
	  "network_policies.p.endpoints[0].port", "1..65535" },
	{ ENDPOINT("host: a.example.com, port: ^'443'"), "network_policies.p.endpoints[0].port",
	  "without quotes" },
	{ ENDPOINT("host: a.example.com, ports: ^[]"), "network_policies.p.endpoints[0].ports",
	  "at least one" },
	{ ENDPOINT("host: a.example.com, ports: [443, ^0]"),
	  "network_policies.p.endpoints[0].ports[1]", "1..65535" },
	{ ENDPOINT_AT(HOST ", ports: [443]"), "network_policies.p.endpoints[0]",
	  "both `port` and `ports`" },
	{ ENDPOINT(HOST ", protocol: ^tcp"), "network_policies.p.endpoints[0].protocol",
	  "not supported by this version" },
	{ ENDPOINT(HOST ", protocol: ^MCP"), "network_policies.p.endpoints[0].protocol",
	  "not supported by this version" },
	{ ENDPOINT(HOST ", protocol: ^sql"), "network_policies.p.endpoints[0].protocol",
	  "cannot be inspected" },
	{ ENDPOINT(HOST ", ^mcp: {}"), "network_policies.p.endpoints[0].mcp",
	  "not supported by this version" },
	{ ENDPOINT(HOST ", ^credential_signing: sigv4"),
	  "network_policies.p.endpoints[0].credential_signing", "not supported by this version" },
	{ ENDPOINT(HOST ", tls: ^off"), "network_policies.p.endpoints[0].tls", "auto or skip" },
	{ ENDPOINT(HOST ", tls: ^false"), "network_policies.p.endpoints[0].tls", "quotes" },
	{ ENDPOINT(HOST ", enforcement: ^warn"), "network_policies.p.endpoints[0].enforcement",
	  "enforce or audit" },
	{ ENDPOINT_AT(HOST ", enforcement: audit"), "network_policies.p.endpoints[0]",
	  "needs `protocol: rest`" },
	{ ENDPOINT_AT(HOST ", access: full"), "network_policies.p.endpoints[0]",
	  "`access` needs `protocol: rest`" },
	{ ENDPOINT_AT(HOST ", path: /a"), "network_policies.p.endpoints[0]",
	  "`path` needs `protocol: rest`" },
	{ ENDPOINT_AT(HOST ", allow_encoded_slash: true"), "network_policies.p.endpoints[0]",
	  "`allow_encoded_slash` needs" },
	{ ENDPOINT_AT(HOST ", deny_rules: [{method: GET}]"), "network_policies.p.endpoints[0]",
	  "`deny_rules` needs" },
	{ ENDPOINT_AT(REST), "network_policies.p.endpoints[0]", "`access` or `rules`" },
	{ ENDPOINT_AT(REST ", deny_rules: [{method: GET}]"), "network_policies.p.endpoints[0]",
	  "`access` or `rules`" },
	{ ENDPOINT(REST ", access: ^write"), "network_policies.p.endpoints[0].access",
	  "read-only, read-write or full" },
	{ ENDPOINT(REST ", rules: ^[]"), "network_policies.p.endpoints[0].rules", "empty list" },
	{ ENDPOINT(REST ", access: full, deny_rules: ^[]"),
	  "network_policies.p.endpoints[0].deny_rules", "empty list" },
	{ ENDPOINT_AT(REST ", access: full, rules: [{allow: {method: GET, path: /}}]"),
	  "network_policies.p.endpoints[0]", "both `access` and `rules`" },
	{ ENDPOINT(REST ", access: full, path: ^v1"), "network_policies.p.endpoints[0].path",
	  "write /v1" },
	{ ENDPOINT("port: 1, allowed_ips: ^[]"), "network_policies.p.endpoints[0].allowed_ips",
	  "empty list" },
	{ ENDPOINT("port: 1, allowed_ips: [10.0.0.0/8, ^127.0.0.1]"),
	  "network_policies.p.endpoints[0].allowed_ips[1]", "overlaps 127.0.0.0/8" },
	{ ENDPOINT("port: 1, allowed_ips: [^localhost]"),
	  "network_policies.p.endpoints[0].allowed_ips[0]", "not an address" },
	/* Rules */
	{ RULE_AT("path: /a"), "network_policies.p.endpoints[0].rules[0].allow", "needs `method`" },
	{ RULE_AT("method: GET"), "network_policies.p.endpoints[0].rules[0].allow",
	  "needs `path`" },
	{ RULE("method: ^'GET,POST', path: /a"),
	  "network_policies.p.endpoints[0].rules[0].allow.method", "a rule for each" },
	{ RULE("method: GET, path: ^a"), "network_policies.p.endpoints[0].rules[0].allow.path",
	  "write /a" },
	{ RULE("method: GET, path: ^'*'"), "network_policies.p.endpoints[0].rules[0].allow.path",
	  "** for every path" },
	{ RULE("method: GET, path: ^/a**"), "network_policies.p.endpoints[0].rules[0].allow.path",
	  "whole path segment" },
	{ RULE("method: GET, path: ^'/a b'"), "network_policies.p.endpoints[0].rules[0].allow.path",
	  "write %20" },
	{ RULE("method: GET, path: ^/a%2fb"), "network_policies.p.endpoints[0].rules[0].allow.path",
	  "upper-case" },
	{ RULE("method: GET, path: ^/%41"), "network_policies.p.endpoints[0].rules[0].allow.path",
	  "as 'A'" },
	{ RULE("method: GET, path: ^/a%2Fb"), "network_policies.p.endpoints[0].rules[0].allow.path",
	  "allow_encoded_slash" },
	{ RULE("method: GET, path: ^/a//b"), "network_policies.p.endpoints[0].rules[0].allow.path",
	  "one '/'" },
	{ RULE("method: GET, path: ^/a/../b"),
	  "network_policies.p.endpoints[0].rules[0].allow.path", "'.' or '..'" },
	{ RULE("method: GET, path: ^/a/."), "network_policies.p.endpoints[0].rules[0].allow.path",
	  "'.' or '..'" },
	{ RULE("method: GET, path: ^/a/\\.\\./b"),
	  "network_policies.p.endpoints[0].rules[0].allow.path", "'.' or '..'" },
	{ RULE("method: GET, path: ^/a/**//b"),
	  "network_policies.p.endpoints[0].rules[0].allow.path", "one '/'" },
	{ RULE("method: GET, path: ^'/{a,/b}'"),
	  "network_policies.p.endpoints[0].rules[0].allow.path", "one '/'" },
	{ RULE("method: GET, path: ^/a;b"), "network_policies.p.endpoints[0].rules[0].allow.path",
	  "write %3B" },
	{ RULE("method: GET, path: /a, ^tool: x"),
	  "network_policies.p.endpoints[0].rules[0].allow.tool", "not supported by this version" },
	{ RULE("method: GET, path: /a, query: ^{}"),
	  "network_policies.p.endpoints[0].rules[0].allow.query", "has 0 keys" },
	{ RULE("method: GET, path: /a, query: {p: ^1}"),
	  "network_policies.p.endpoints[0].rules[0].allow.query.p", "put it in quotes" },
	{ RULE("method: GET, path: /a, query: {p: {any: ^[]}}"),
	  "network_policies.p.endpoints[0].rules[0].allow.query.p.any", "matches nothing" },
	{ RULE("method: GET, path: /a, query: {p: ^{}}"),
	  "network_policies.p.endpoints[0].rules[0].allow.query.p", "is empty" },
	{ RULE("method: GET, path: /a, query: {p: {^glob: x}}"),
	  "network_policies.p.endpoints[0].rules[0].allow.query.p.glob", "unknown field" },
	{ RULE("method: GET, path: /a, query: {p: ^'['}"),
	  "network_policies.p.endpoints[0].rules[0].allow.query.p", "without ']'" },
	{ DENY("^allow: {method: GET}"), "network_policies.p.endpoints[0].deny_rules[0].allow",
	  "unknown field" },
	{ ENDPOINT(REST ", access: full, deny_rules: [^{}]"),
	  "network_policies.p.endpoints[0].deny_rules[0]", "is empty" },
	/* Policies and binaries */
	{ "version: 1\nnetwork_policies: {_provider_x: ^{}}\n", "network_policies._provider_x",
	  "reserved" },
	{ "version: 1\nnetwork_policies: {\"a\\nb\": ^{}}\n", "network_policies['a\\x0ab']",
	  "printable" },
	{ "version: 1\nnetwork_policies: {p: {name: ^''}}\n", "network_policies.p.name",
	  "empty text" },
	{ "version: 1\nnetwork_policies: {p: {binaries: [^curl]}}\n",
	  "network_policies.p.binaries[0]", "write `path: `" },
	{ "version: 1\nnetwork_policies: {p: {binaries: [{path: ^curl}]}}\n",
	  "network_policies.p.binaries[0].path", "not absolute" },
	{ "version: 1\nnetwork_policies: {p: {binaries: [^{}]}}\n",
	  "network_policies.p.binaries[0]", "needs `path`" },
	{ "version: 1\nnetwork_policies: {p: {binaries: [{path: ^'/a*['}]}}\n",
	  "network_policies.p.binaries[0].path", "without ']'" },
};

/* The text without its '^', and where that stood. */
static struct buf unmark(const char *marked, unsigned *out_line, unsigned *out_column)
{
	struct buf text = buf_init(10000);
	const char *mark = strchr(marked, '^');

	ck_assert_ptr_nonnull(mark);
	*out_line = *out_column = 1;
	for (const char *p = marked; p < mark; p++) {
		*out_line += *p == '\n';
		*out_column = *p == '\n' ? 1 : *out_column + 1;
	}
	buf_put(&text, marked, (size_t)(mark - marked));
	buf_puts(&text, mark + 1);
	return text;
}

START_TEST(mistakes_are_named_with_place_and_remedy)
{
	AUTO(policy_problems_done) struct policy_problems problems = { 0 };
	unsigned line, column;
	AUTO(buf_done) struct buf text = unmark(refuse_cases[_i].text, &line, &column);

	ck_assert_msg(policy_parse(buf_slice(&text), &problems) == NULL, "accepted: %s",
		      buf_text(&text));
	ck_assert_uint_ge(problems.n, 1);
	for (size_t i = 0; i < problems.n; i++) {
		const struct policy_problem *p = &problems.items[i];

		if (p->line == line && p->column == column &&
		    strcmp(p->place, refuse_cases[_i].place) == 0 &&
		    strstr(p->text, refuse_cases[_i].says) != NULL)
			return;
	}
	ck_abort_msg("%s\nwant %u:%u: %s: %s\ngot %u:%u: %s: %s", buf_text(&text), line, column,
		     refuse_cases[_i].place, refuse_cases[_i].says, problems.items[0].line,
		     problems.items[0].column, problems.items[0].place, problems.items[0].text);
}
END_TEST

static const char ten_mistakes[] = "version: 1\n"
				   "filesystem_policy: {read_only: [usr]}\n"
				   "landlock: {compatibility: soft}\n"
				   "process: {run_as_user: 0}\n"
				   "network_policies:\n"
				   "  p:\n"
				   "    endpoints:\n"
				   "    - {hots: a.example.com, port: 443}\n"
				   "    - {host: b.example.com, port: 70000}\n"
				   "    - {host: '*.com', port: 443}\n"
				   "    - {host: d.example.com, port: 443, protocol: graphql}\n"
				   "    - {host: e.example.com, port: 443, access: full}\n"
				   "    - {port: 80, allowed_ips: [169.254.169.254]}\n"
				   "    binaries: [{path: curl}]\n";

START_TEST(ten_mistakes_give_ten_problems_in_the_order_of_the_text)
{
	static const unsigned lines[] = { 2, 3, 4, 8, 9, 10, 11, 12, 13, 14 };
	AUTO(policy_problems_done) struct policy_problems problems = { 0 };

	ck_assert_ptr_null(policy_parse(slice_text(ten_mistakes), &problems));
	ck_assert_uint_eq(problems.n, ARRAY_LEN(lines));
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		ck_assert_uint_eq(problems.items[i].line, lines[i]);
}
END_TEST

START_TEST(a_key_that_stands_twice_is_one_problem)
{
	AUTO(policy_problems_done) struct policy_problems problems = { 0 };

	ck_assert_ptr_null(
		policy_parse(slice_text("version: 1\nlandlock: {}\nlandlock: x\n"), &problems));
	ck_assert_uint_eq(problems.n, 1);
}
END_TEST

START_TEST(problems_are_listed_up_to_a_limit_and_counted_beyond)
{
	AUTO(buf_done) struct buf text = buf_init(10000);
	AUTO(policy_problems_done) struct policy_problems problems = { 0 };

	buf_puts(&text, "version: 1\n");
	for (int i = 0; i < POLICY_PROBLEMS_MAX + 7; i++)
		buf_printf(&text, "x%d: 1\n", i);
	ck_assert_ptr_null(policy_parse(buf_slice(&text), &problems));
	ck_assert_uint_eq(problems.n, POLICY_PROBLEMS_MAX);
	ck_assert_uint_eq(problems.left_off, 7);
}
END_TEST

static const char whole_policy[] =
	"version: 1\n"
	"filesystem_policy:\n"
	"  include_workdir: true\n"
	"  read_only: [/usr//lib/, /etc/./ssl]\n"
	"  read_write: [/tmp]\n"
	"landlock: {compatibility: best_effort}\n"
	"process: {run_as_user: 1000, run_as_group: '4294967294'}\n"
	"network_policies:\n"
	"  github:\n"
	"    name: git hub\n"
	"    endpoints:\n"
	"      - host: api.github.com\n"
	"        ports: [443, 80]\n"
	"        protocol: rest\n"
	"        path: /repos/**\n"
	"        rules:\n"
	"          - allow: {method: GET, path: '/repos/{a,b}/**', query: {page: {any: ['1', "
	"'2']}}}\n"
	"        deny_rules: [{method: DELETE}]\n"
	"      - {port: 5432, allowed_ips: [10.1.0.0/16]}\n"
	"    binaries: [{path: /usr/bin/git}, {path: '/opt/**/bin/*'}]\n";

START_TEST(plain_sections_arrive_as_they_are_written)
{
	AUTO(policy_problems_done) struct policy_problems problems = { 0 };
	AUTO(policy_free_slot)
	struct policy *policy = policy_parse(slice_text(whole_policy), &problems);

	ck_assert_ptr_nonnull(policy);
	ck_assert(policy->filesystem.present && policy->filesystem.include_workdir);
	ck_assert_uint_eq(policy->filesystem.read_only.n, 2);
	ck_assert_str_eq(policy->filesystem.read_only.items[0], "/usr/lib");
	ck_assert_str_eq(policy->filesystem.read_only.items[1], "/etc/ssl");
	ck_assert_str_eq(policy->filesystem.read_write.items[0], "/tmp");
	ck_assert_int_eq(policy->landlock, POLICY_LANDLOCK_BEST_EFFORT);
	ck_assert_uint_eq(policy->process.run_as_user, 1000);
	ck_assert_uint_eq(policy->process.run_as_group, 4294967294U);
	ck_assert_uint_eq(policy->n_network_policies, 1);
	ck_assert_uint_eq(policy->n_endpoints, 2);
	ck_assert_uint_eq(policy->warnings.n, 0);
}
END_TEST

START_TEST(the_default_policy_asks_for_nothing_and_requires_landlock)
{
	AUTO(policy_free_slot) struct policy *policy = policy_default();

	ck_assert(!policy->filesystem.present);
	ck_assert_int_eq(policy->landlock, POLICY_LANDLOCK_REQUIRED);
	ck_assert_uint_eq(policy->process.run_as_user, 0);
	ck_assert_uint_eq(policy->n_network_policies, 0);
}
END_TEST

static const struct {
	const char *text, *says;
} warning_cases[] = {
	{ ENDPOINT(HOST), "names no `binaries`" },
	{ ENDPOINT(HOST ", tls: terminate"), "old name for auto" },
	{ ENDPOINT(REST ", access: full, tls: skip"), "hides the requests" },
	{ ENDPOINT("host: 127.0.0.1, port: 1"), "never reachable" },
	{ ENDPOINT("port: 1, allowed_ips: [10.0.0.0/8]"), "very wide" },
	{ ENDPOINT("port: 1, allowed_ips: [10.1.2.3/24]"), "bits behind its prefix" },
	{ RULE("method: GTE, path: /a"), "check its spelling" },
	{ RULE("method: GET, path: '/a?b=c'"), "under `query`" },
	{ "version: 1\nfilesystem_policy: {read_only: [/usr/*]}\n", "name the folder" },
	{ "version: 1\nnetwork_policies: {p: {binaries: [{path: /a}]}}\n", "names no `endpoints`" },
};

START_TEST(what_is_probably_not_meant_is_accepted_with_a_warning)
{
	AUTO(policy_problems_done) struct policy_problems problems = { 0 };
	AUTO(policy_free_slot)
	struct policy *policy = policy_parse(slice_text(warning_cases[_i].text), &problems);

	ck_assert_msg(policy != NULL, "%s", warning_cases[_i].text);
	for (size_t i = 0; i < policy->warnings.n; i++)
		if (strstr(policy->warnings.items[i].text, warning_cases[_i].says) != NULL)
			return;
	ck_abort_msg("no warning: %s", warning_cases[_i].text);
}
END_TEST

/* Cut anywhere, a policy is a policy or a list of problems with places. */
START_TEST(every_truncation_is_a_policy_or_has_problems_with_places)
{
	for (size_t n = 0; n < sizeof(whole_policy); n++) {
		AUTO(policy_problems_done) struct policy_problems problems = { 0 };
		AUTO_FREE uint8_t *cut = mem_calloc(n, 1);

		memcpy(cut, whole_policy, n);
		AUTO(policy_free_slot)
		struct policy *policy = policy_parse((struct slice){ cut, n }, &problems);
		ck_assert((policy == NULL) == (problems.n > 0));
		for (size_t i = 0; i < problems.n; i++) {
			ck_assert_uint_ge(problems.items[i].line, 1);
			ck_assert_uint_ge(problems.items[i].column, 1);
			ck_assert_str_ne(problems.items[i].text, "");
		}
	}
}
END_TEST

Suite *policy_parse_suite(void);
Suite *policy_parse_suite(void)
{
	Suite *s = suite_create("policy_parse");
	TCase *tc = tcase_create("policy_parse");

	tcase_add_loop_test(tc, these_policies_are_accepted, 0, (int)ARRAY_LEN(accept_cases));
	tcase_add_loop_test(tc, mistakes_are_named_with_place_and_remedy, 0,
			    (int)ARRAY_LEN(refuse_cases));
	tcase_add_test(tc, ten_mistakes_give_ten_problems_in_the_order_of_the_text);
	tcase_add_test(tc, a_key_that_stands_twice_is_one_problem);
	tcase_add_test(tc, problems_are_listed_up_to_a_limit_and_counted_beyond);
	tcase_add_test(tc, plain_sections_arrive_as_they_are_written);
	tcase_add_test(tc, the_default_policy_asks_for_nothing_and_requires_landlock);
	tcase_add_loop_test(tc, what_is_probably_not_meant_is_accepted_with_a_warning, 0,
			    (int)ARRAY_LEN(warning_cases));
	tcase_add_test(tc, every_truncation_is_a_policy_or_has_problems_with_places);
	suite_add_tcase(s, tc);
	return s;
}
