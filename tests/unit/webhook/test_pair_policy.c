/* SPDX-License-Identifier: Apache-2.0 */
/* Which NetworkPolicies of others would open an agent pod of topology proxy-pod. */
#include "webhook/pair_policy.h"

#include <check.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "tests/unit/webhook_fixture.h"
#include "webhook/denials.h"
#include "webhook/pair_objects.h"

#define ROLE "openshell.io/sandbox-role"

static const struct {
	const char *selector;
	bool opens;
} selectors[] = {
	{ "{}", true },
	{ "null", true },
	{ "{matchLabels: {}}", true },
	{ "{matchLabels: {app: web}}", true },
	{ "{matchLabels: {" ROLE ": agent}}", true },
	{ "{matchLabels: {" ROLE ": supervisor}}", false },
	{ "{matchLabels: {" ROLE ": ''}}", false },
	{ "{matchLabels: {" ROLE ": 1}}", true },
	{ "{matchExpressions: []}", true },
	{ "{matchExpressions: [{key: " ROLE ", operator: NotIn, values: [agent]}]}", false },
	{ "{matchExpressions: [{key: " ROLE ", operator: NotIn, values: [supervisor, agent]}]}",
	  false },
	{ "{matchExpressions: [{key: " ROLE ", operator: NotIn, values: [supervisor]}]}", true },
	{ "{matchExpressions: [{key: " ROLE ", operator: NotIn, values: []}]}", true },
	{ "{matchExpressions: [{key: " ROLE ", operator: NotIn}]}", true },
	{ "{matchExpressions: [{key: " ROLE ", operator: In, values: [supervisor]}]}", false },
	{ "{matchExpressions: [{key: " ROLE ", operator: In, values: [supervisor, agent]}]}",
	  true },
	{ "{matchExpressions: [{key: " ROLE ", operator: In, values: []}]}", true },
	{ "{matchExpressions: [{key: " ROLE ", operator: Exists}]}", true },
	{ "{matchExpressions: [{key: " ROLE ", operator: DoesNotExist}]}", false },
	{ "{matchExpressions: [{key: " ROLE ", operator: Unheard, values: [agent]}]}", true },
	{ "{matchExpressions: [{key: " ROLE ", operator: notin, values: [agent]}]}", true },
	{ "{matchExpressions: [{key: openshell.io/sandbox-id, operator: DoesNotExist}]}", true },
	{ "{matchExpressions: [{key: role, operator: NotIn, values: [agent]}]}", true },
	{ "{matchLabels: {app: web}, matchExpressions: [{key: app, operator: Exists}, {key: " ROLE
	  ", operator: NotIn, values: [agent]}]}",
	  false },
	{ "{matchExpressions: {key: " ROLE ", operator: NotIn, values: [agent]}}", true },
	{ "{matchExpressions: [[]]}", true },
	{ "[]", true },
};

START_TEST(a_selector_must_rule_out_the_role_whatever_else_it_asks_for)
{
	AUTO_FREE char *text =
		mem_printf("{spec: {podSelector: %s, policyTypes: [Egress], egress: [{}]}}",
			   selectors[_i].selector);
	AUTO(json_drop) json_t *policy = fixture_parse(text);

	ck_assert_msg(pair_policy_opens(policy) == selectors[_i].opens, "%s", text);
}
END_TEST

static const struct {
	const char *spec;
	bool opens;
} rules[] = {
	{ "{podSelector: {}}", false },
	{ "{podSelector: {}, policyTypes: [Ingress, Egress]}", false },
	{ "{podSelector: {}, policyTypes: [Ingress, Egress], ingress: [], egress: []}", false },
	{ "{podSelector: {}, policyTypes: [Ingress, Egress], ingress: null, egress: null}", false },
	{ "{podSelector: {}, policyTypes: [Egress], egress: [{}]}", true },
	{ "{podSelector: {}, policyTypes: [Egress], egress: [{to: [{podSelector: {}}]}]}", true },
	{ "{podSelector: {}, policyTypes: [Egress], egress: [{to: [], ports: []}]}", true },
	{ "{podSelector: {}, egress: [{}]}", true },
	{ "{podSelector: {}, policyTypes: [Ingress], egress: [{}]}", true },
	{ "{podSelector: {}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {}}]}]}",
	  true },
	{ "{podSelector: {}, ingress: [{}]}", true },
	{ "{podSelector: {}, egress: {}}", true },
	{ "{podSelector: {}, egress: open}", true },
	{ "{}", false },
	{ "[]", false },
};

START_TEST(any_rule_opens_and_none_closes)
{
	AUTO_FREE char *text = mem_printf("{spec: %s}", rules[_i].spec);
	AUTO(json_drop) json_t *policy = fixture_parse(text);

	ck_assert_msg(pair_policy_opens(policy) == rules[_i].opens, "%s", text);
}
END_TEST

START_TEST(what_is_no_policy_opens_nothing)
{
	AUTO(json_drop) json_t *number = json_integer(1);

	ck_assert(!pair_policy_opens(NULL));
	ck_assert(!pair_policy_opens(number));
}
END_TEST

START_TEST(the_policy_that_closes_agents_opens_nothing)
{
	AUTO(json_drop) json_t *closed = pair_objects_closed("team");

	ck_assert(!pair_policy_opens(closed));
}
END_TEST

static const struct {
	const char *policy;
	bool ours;
} named[] = {
	{ "{metadata: {name: openshell-agent-closed}}", true },
	{ "{metadata: {name: os-eg-u-1}, spec: {podSelector: {matchLabels: "
	  "{openshell.io/sandbox-id: u-1}}}}",
	  true },
	{ "{metadata: {name: os-ing-u-1}, spec: {podSelector: {matchLabels: "
	  "{openshell.io/sandbox-id: u-1}}}}",
	  true },
	{ "{metadata: {name: os-eg-u-1}, spec: {podSelector: {matchLabels: "
	  "{openshell.io/sandbox-id: u-2}}}}",
	  false },
	{ "{metadata: {name: os-eg-u-1}, spec: {podSelector: {}}}", false },
	{ "{metadata: {name: os-svc-u-1}, spec: {podSelector: {matchLabels: "
	  "{openshell.io/sandbox-id: u-1}}}}",
	  false },
	{ "{metadata: {name: mine}}", false },
	{ "{metadata: {}}", false },
	{ "{}", false },
};

START_TEST(ours_are_told_by_their_names_and_whom_they_are_for)
{
	AUTO(json_drop) json_t *policy = fixture_parse(named[_i].policy);

	ck_assert(pair_policy_is_ours(policy) == named[_i].ours);
}
END_TEST

START_TEST(the_remedy_is_the_expression_that_rules_them_out)
{
	AUTO_FREE char *text =
		mem_printf("{spec: {podSelector: {matchExpressions: [%s]}, egress: [{}]}}",
			   PAIR_POLICY_EXPRESSION);
	AUTO(json_drop) json_t *policy = fixture_parse(text);

	ck_assert(!pair_policy_opens(policy));
	ck_assert_ptr_nonnull(
		strstr(denial_text(DENIAL_POLICY_OPENS)->remedy, PAIR_POLICY_EXPRESSION));
}
END_TEST

Suite *pair_policy_suite(void);
Suite *pair_policy_suite(void)
{
	Suite *suite = suite_create("pair_policy");
	TCase *each = tcase_create("pair_policy");

	tcase_add_loop_test(each, a_selector_must_rule_out_the_role_whatever_else_it_asks_for, 0,
			    (int)ARRAY_LEN(selectors));
	tcase_add_loop_test(each, any_rule_opens_and_none_closes, 0, (int)ARRAY_LEN(rules));
	tcase_add_loop_test(each, ours_are_told_by_their_names_and_whom_they_are_for, 0,
			    (int)ARRAY_LEN(named));
	tcase_add_test(each, what_is_no_policy_opens_nothing);
	tcase_add_test(each, the_policy_that_closes_agents_opens_nothing);
	tcase_add_test(each, the_remedy_is_the_expression_that_rules_them_out);
	suite_add_tcase(suite, each);
	return suite;
}
