/* SPDX-License-Identifier: Apache-2.0 */
/* What a suggestion must be, over many random policies and requests: pasted into the policy it allows the
 * request, and it allows nothing else. */
#include <check.h>
#include <string.h>

#include "lib/cleanup.h"
#include "policy/policy.h"
#include "tests/support/policy_random.h"

enum { POLICIES = 120, REQUESTS = 10, OTHERS = 100 };

static struct policy *parse(const struct buf *text)
{
	AUTO(policy_problems_done) struct policy_problems problems = { 0 };

	return policy_parse(buf_slice(text), &problems);
}

static bool is_same(struct slice a, struct slice b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static bool is_of_program(const struct policy_request *request, const char *binary)
{
	return request->relaxed_identity || strcmp(request->binary, binary) == 0 ||
	       (request->n_ancestors > 0 && strcmp(request->ancestors[0], binary) == 0);
}

/* What was asked for: HEAD is GET without its body. */
static bool is_asked_for(const struct policy_request *other, const struct policy_request *asked)
{
	bool method = is_same(other->method, asked->method) ||
		      (slice_is(other->method, "HEAD") && slice_is(asked->method, "GET"));

	return is_same(other->host, asked->host) && other->port == asked->port &&
	       is_same(other->path, asked->path) && method && is_of_program(other, asked->binary);
}

static void check_grants_no_more(const struct policy *before, const struct policy *after,
				 const struct policy_request *asked, uint32_t *state,
				 const char *addition)
{
	for (int i = 0; i < OTHERS; i++) {
		struct random_request borrowed;
		struct policy_request other = random_request_make(state, &borrowed);
		struct policy_decision was = policy_decide_request(before, &other);
		struct policy_decision is = policy_decide_request(after, &other);

		if (is.verdict == POLICY_ALLOW && was.verdict == POLICY_DENY)
			ck_assert_msg(is_asked_for(&other, asked), "%s\nallows %s %s%s:%u too",
				      addition, (const char *)other.method.p,
				      (const char *)other.host.p, (const char *)other.path.p,
				      other.port);
	}
}

static bool check_request(const struct policy *before, const struct buf *text,
			  const struct policy_request *request, uint32_t *state)
{
	AUTO(buf_done) struct buf addition = buf_init(100000);
	AUTO(buf_done) struct buf both = buf_init(200000);

	if (!policy_suggest(before, buf_slice(text), request, &addition)) {
		ck_assert_uint_gt(addition.n, 0);
		return false;
	}
	buf_put(&both, text->p, text->n);
	buf_put(&both, addition.p, addition.n);
	AUTO(policy_free_slot) struct policy *after = parse(&both);
	ck_assert_msg(after != NULL, "refused:\n%s", buf_text(&both));
	struct policy_decision d = policy_decide_request(after, request);
	ck_assert_msg(d.verdict == POLICY_ALLOW && !d.audited, "denied under\n%s", buf_text(&both));
	check_grants_no_more(before, after, request, state, buf_text(&addition));
	return true;
}

START_TEST(a_suggestion_allows_what_was_asked_and_nothing_else)
{
	size_t suggested = 0, refused = 0, by_deny_rule = 0;

	for (uint32_t p = 0; p < POLICIES; p++) {
		AUTO(buf_done) struct buf text = buf_init(100000);
		uint32_t state = p + 1;

		random_policy_text(&state, _i == 1, &text);
		AUTO(policy_free_slot) struct policy *policy = parse(&text);
		for (int i = 0; policy != NULL && i < REQUESTS; i++) {
			struct random_request borrowed;
			struct policy_request request = random_request_make(&state, &borrowed);
			struct policy_decision d = policy_decide_request(policy, &request);

			if (d.verdict == POLICY_ALLOW && !d.audited)
				continue;
			bool done = check_request(policy, &text, &request, &state);
			suggested += done;
			refused += !done;
			by_deny_rule += !done && d.reason == POLICY_REASON_DENY_RULE;
		}
	}
	/* A few contradict in every form; most have a suggestion but for deny rules. */
	ck_assert_uint_gt(suggested, 100);
	ck_assert_msg(refused - by_deny_rule < suggested / 10,
		      "%zu suggested, %zu refused, %zu by "
		      "deny rules",
		      suggested, refused, by_deny_rule);
}
END_TEST

static const char policy_text[] =
	"version: 1\n"
	"network_policies:\n"
	"  allow-new-test-443:\n"
	"    endpoints: [{host: web.test, port: 80, protocol: rest, access: read-only}]\n"
	"    binaries: [{path: /bin/web}]\n"
	"  slash:\n"
	"    endpoints: [{host: slash.test, port: 80, protocol: rest, access: full}]\n"
	"    binaries: [{path: /bin/web}]\n"
	"  private:\n"
	"    endpoints: [{host: db.test, port: 5432, allowed_ips: [10.1.0.0/16, 'fd00::/48']}]\n"
	"    binaries: [{path: /bin/db}]\n"
	"  denied:\n"
	"    endpoints: [{host: deny.test, port: 80, protocol: rest, access: full, deny_rules: "
	"[{path: /x}]}]\n"
	"    binaries: [{path: /bin/web}]\n";

static const struct {
	const char *host;
	uint16_t port;
	const char *binary, *method, *path;
	bool is_suggested;
	const char *part; /* of what is written */
} cases[] = {
	{ "new.test", 443, "/bin/web", "get", "/a", true, "  allow-new-test-443-2:\n" },
	{ "new.test", 443, "/bin/web", "get", "/a", true, "method: \"GET\"" },
	{ "new.test", 80, "/bin/web", "GET", "/a*b", true, "path: \"/a\\\\*b\"" },
	{ "NEW.test.", 80, "/bin/w*b", "GET", "/", true, "path: \"/bin/w\\\\*b\"" },
	{ "new.test", 80, "/bin/web", NULL, NULL, true, "port: 80\n    binaries" },
	{ "2001:db8::1", 80, "/bin/web", "GET", "/", true, "host: \"2001:db8::1\"" },
	{ "slash.test", 80, "/bin/web", "GET", "/a%2Fb", true, "allow_encoded_slash: true" },
	{ "db.test", 5432, "/bin/web", NULL, NULL, true,
	  "allowed_ips: [\"10.1.0.0/16\", \"fd00::/48\"]" },
	{ "deny.test", 80, "/bin/web", "GET", "/x", false, "denied by the rule" },
	{ "new.test", 80, NULL, "GET", "/", false, "program" },
	{ "new test", 80, "/bin/web", "GET", "/", false, "neither a name nor an address" },
};

START_TEST(suggestions_follow_the_table)
{
	AUTO(policy_problems_done) struct policy_problems problems = { 0 };
	AUTO(policy_free_slot)
	struct policy *policy = policy_parse(slice_text(policy_text), &problems);
	AUTO(buf_done) struct buf out = buf_init(100000);
	struct policy_request request = {
		.host = slice_text(cases[_i].host),
		.port = cases[_i].port,
		.binary = cases[_i].binary,
	};

	ck_assert_ptr_nonnull(policy);
	if (cases[_i].method != NULL) {
		request.method = slice_text(cases[_i].method);
		request.path = slice_text(cases[_i].path);
	}
	ck_assert_msg(policy_suggest(policy, slice_text(policy_text), &request, &out) ==
			      cases[_i].is_suggested,
		      "%s", buf_text(&out));
	ck_assert_msg(strstr(buf_text(&out), cases[_i].part) != NULL, "no %s in\n%s",
		      cases[_i].part, buf_text(&out));
}
END_TEST

Suite *suggest_suite(void);

Suite *suggest_suite(void)
{
	Suite *suite = suite_create("suggest");
	TCase *tc = tcase_create("suggest");

	tcase_add_loop_test(tc, a_suggestion_allows_what_was_asked_and_nothing_else, 0, 2);
	tcase_add_loop_test(tc, suggestions_follow_the_table, 0, (int)ARRAY_LEN(cases));
	suite_add_tcase(suite, tc);
	return suite;
}
