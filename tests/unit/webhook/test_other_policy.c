/* SPDX-License-Identifier: Apache-2.0 */
/* Which policies of other kinds would open an agent pod of topology proxy-pod. */
#include "webhook/other_policy.h"

#include <check.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "tests/unit/webhook_fixture.h"
#include "webhook/check_cluster.h"
#include "webhook/selector.h"

#define ROLE "openshell.io/sandbox-role"
#define NOT_AGENTS "{key: " ROLE ", operator: NotIn, values: [agent]}"
#define ALLOW "egress: [{action: Deny}, {action: Allow}]"
#define ACCEPT "ingress: [{action: Accept}]"

static const struct other_policy *kind_of(const char *kind)
{
	for (size_t i = 0; i < OTHER_POLICIES; i++)
		if (strcmp(other_policies[i].kind, kind) == 0)
			return &other_policies[i];
	ck_abort_msg("%s", kind);
}

static bool opens(const char *kind, const char *policy)
{
	AUTO(json_drop) json_t *object = fixture_parse(policy);
	AUTO(json_drop)
	json_t *labels = fixture_parse("{team: a, kubernetes.io/metadata.name: team}");
	const struct namespace_facts ns = { .name = "team", .labels = labels };

	return kind_of(kind)->opens(object, &ns);
}

static const struct {
	const char *kind, *spec;
	bool opens;
} cases[] = {
	/* Actions. */
	{ "AdminNetworkPolicy", "{subject: {namespaces: {}}, " ALLOW "}", true },
	{ "AdminNetworkPolicy", "{subject: {namespaces: {}}, ingress: [{action: Allow}]}", true },
	{ "AdminNetworkPolicy", "{subject: {namespaces: {}}, egress: [{action: Pass}]}", false },
	{ "AdminNetworkPolicy", "{subject: {namespaces: {}}, ingress: [{action: Deny}]}", false },
	{ "AdminNetworkPolicy", "{subject: {namespaces: {}}, ingress: [{}]}", true },
	{ "AdminNetworkPolicy", "{subject: {namespaces: {}}}", false },
	{ "AdminNetworkPolicy", "{" ALLOW "}", true },
	/* Whose pods. */
	{ "AdminNetworkPolicy", "{subject: {namespaces: {matchLabels: {team: a}}}, " ALLOW "}",
	  true },
	{ "AdminNetworkPolicy", "{subject: {namespaces: {matchLabels: {team: b}}}, " ALLOW "}",
	  false },
	{ "AdminNetworkPolicy",
	  "{subject: {pods: {namespaceSelector: {matchLabels: {team: a}}, podSelector: {}}}, " ALLOW
	  "}",
	  true },
	{ "AdminNetworkPolicy",
	  "{subject: {pods: {namespaceSelector: {matchLabels: {team: b}}, podSelector: {}}}, " ALLOW
	  "}",
	  false },
	{ "AdminNetworkPolicy",
	  "{subject: {pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: "
	  "web}}}}, " ALLOW "}",
	  true },
	{ "AdminNetworkPolicy",
	  "{subject: {pods: {namespaceSelector: {}, podSelector: {matchExpressions: [" NOT_AGENTS
	  "]}}}, " ALLOW "}",
	  false },
	{ "ClusterNetworkPolicy", "{tier: Admin, subject: {namespaces: {}}, " ACCEPT "}", true },
	{ "ClusterNetworkPolicy", "{tier: Baseline, subject: {namespaces: {}}, " ACCEPT "}",
	  false },
	{ "ClusterNetworkPolicy",
	  "{tier: Admin, subject: {namespaces: {matchLabels: {team: b}}}, " ACCEPT "}", false },
	{ "ClusterNetworkPolicy",
	  "{tier: Admin, subject: {namespaces: {}}, egress: [{action: "
	  "Pass}]}",
	  false },
	/* Cilium. */
	{ "CiliumNetworkPolicy", "{endpointSelector: {}, egress: [{toEntities: [all]}]}", true },
	{ "CiliumNetworkPolicy", "{endpointSelector: {}, egressDeny: [{toEntities: [all]}]}",
	  false },
	{ "CiliumNetworkPolicy", "{endpointSelector: {}, egress: []}", false },
	{ "CiliumNetworkPolicy", "{nodeSelector: {}, egress: [{toEntities: [all]}]}", false },
	{ "CiliumNetworkPolicy", "{endpointSelector: {matchLabels: {k8s:app: web}}, ingress: [{}]}",
	  true },
	{ "CiliumNetworkPolicy",
	  "{endpointSelector: {matchExpressions: [" NOT_AGENTS "]}, ingress: [{}]}", false },
	{ "CiliumNetworkPolicy",
	  "{endpointSelector: {matchExpressions: [{key: 'k8s:" ROLE
	  "', operator: NotIn, values: [agent]}]}, ingress: [{}]}",
	  false },
	{ "CiliumNetworkPolicy",
	  "{endpointSelector: {matchLabels: {'any:" ROLE "': supervisor}}, ingress: [{}]}", false },
	{ "CiliumNetworkPolicy",
	  "{endpointSelector: {matchLabels: {'container:" ROLE "': supervisor}}, ingress: [{}]}",
	  true },
	/* Calico. */
	{ "GlobalNetworkPolicy", "{egress: [{action: Allow}]}", true },
	{ "GlobalNetworkPolicy", "{egress: [{action: Deny}, {action: Log}]}", false },
	{ "GlobalNetworkPolicy", "{selector: 'all()', egress: [{action: Allow}]}", true },
	{ "GlobalNetworkPolicy", "{selector: \"" ROLE " != 'agent'\", egress: [{action: Allow}]}",
	  false },
	{ "GlobalNetworkPolicy",
	  "{selector: \"app == 'x' && " ROLE
	  " != 'agent' && y == 'z'\", egress: [{action: Allow}]}",
	  false },
	{ "GlobalNetworkPolicy",
	  "{selector: \"app == 'x' || " ROLE " != 'agent'\", egress: [{action: Allow}]}", true },
	{ "GlobalNetworkPolicy",
	  "{selector: \"!(" ROLE " != 'agent')\", egress: [{action: Allow}]}", true },
	{ "GlobalNetworkPolicy", "{selector: \"x" ROLE " != 'agent'\", egress: [{action: Allow}]}",
	  true },
	{ "GlobalNetworkPolicy", "{selector: \"" ROLE " != 'other'\", egress: [{action: Allow}]}",
	  true },
};

START_TEST(a_policy_must_leave_agent_pods_out_or_allow_nothing)
{
	AUTO_FREE char *text = mem_printf("{spec: %s}", cases[_i].spec);

	ck_assert_msg(opens(cases[_i].kind, text) == cases[_i].opens, "%s", text);
}
END_TEST

START_TEST(each_rule_of_ciliums_counts)
{
	ck_assert(opens("CiliumNetworkPolicy",
			"{specs: [{endpointSelector: {}}, {endpointSelector: {}, egress: [{}]}]}"));
	ck_assert(!opens("CiliumNetworkPolicy", "{specs: [{endpointSelector: {}}]}"));
}
END_TEST

static const struct {
	const char *selector;
	bool takes;
} selectors[] = {
	{ "{}", true },
	{ "null", true },
	{ "{matchLabels: {a: x}}", true },
	{ "{matchLabels: {a: y}}", false },
	{ "{matchLabels: {a: x, b: x}}", false },
	{ "{matchExpressions: [{key: a, operator: In, values: [y, x]}]}", true },
	{ "{matchExpressions: [{key: a, operator: In, values: [y]}]}", false },
	{ "{matchExpressions: [{key: b, operator: In, values: [x]}]}", false },
	{ "{matchExpressions: [{key: a, operator: NotIn, values: [x]}]}", false },
	{ "{matchExpressions: [{key: b, operator: NotIn, values: [x]}]}", true },
	{ "{matchExpressions: [{key: a, operator: Exists}]}", true },
	{ "{matchExpressions: [{key: b, operator: Exists}]}", false },
	{ "{matchExpressions: [{key: a, operator: DoesNotExist}]}", false },
	{ "{matchExpressions: [{key: b, operator: DoesNotExist}]}", true },
	{ "{matchExpressions: [{key: b, operator: Unheard}]}", true },
	{ "{matchExpressions: [{key: a, operator: Exists}, {key: b, operator: Exists}]}", false },
	{ "{matchExpressions: [[]], matchLabels: []}", true },
};

START_TEST(a_selector_takes_what_it_asks_for)
{
	AUTO(json_drop) json_t *selector = fixture_parse(selectors[_i].selector);
	AUTO(json_drop) json_t *labels = fixture_parse("{a: x}");

	ck_assert_msg(selector_takes(selector, labels) == selectors[_i].takes, "%s",
		      selectors[_i].selector);
}
END_TEST

static const struct {
	const char *kind, *items;
	enum check_state state;
	const char *text;
} rows[] = {
	{ "AdminNetworkPolicy", "{items: []}", CHECK_OK, "none opens agent pods" },
	{ "AdminNetworkPolicy",
	  "{items: [{metadata: {name: mine}, spec: {subject: {namespaces: {}}, " ALLOW "}}]}",
	  CHECK_MISSING, "mine opens agent pods" },
	{ "CiliumNetworkPolicy",
	  "{items: [{metadata: {name: mine}, spec: {endpointSelector: {}, egress: [{}]}}]}",
	  CHECK_NOTE, "mine may open agent pods" },
	{ "CiliumNetworkPolicy", "{metadata: {continue: x}, items: []}", CHECK_UNKNOWN,
	  "there are more" },
	/* Kubernetes' own, as Calico shows them. */
	{ "GlobalNetworkPolicy",
	  "{items: [{metadata: {name: knp.default.x}, spec: {egress: [{action: Allow}]}}]}",
	  CHECK_OK, "none opens" },
};

START_TEST(what_opens_agent_pods_is_named_and_what_only_may_is_a_note)
{
	AUTO(check_report_done) struct check_report report = { 0 };
	AUTO(json_drop) json_t *list = fixture_parse(rows[_i].items);
	const struct namespace_facts ns = { .name = "team" };

	check_other_policies(&report, kind_of(rows[_i].kind), &ns, list);
	ck_assert_uint_eq(report.n, 1);
	ck_assert_int_eq(report.rows[0].state, rows[_i].state);
	ck_assert_str_eq(report.rows[0].subject, rows[_i].kind);
	ck_assert_msg(strstr(report.rows[0].text, rows[_i].text) != NULL, "%s",
		      report.rows[0].text);
}
END_TEST

Suite *other_policy_suite(void);
Suite *other_policy_suite(void)
{
	Suite *suite = suite_create("other_policy");
	TCase *tc = tcase_create("other_policy");

	tcase_add_loop_test(tc, a_policy_must_leave_agent_pods_out_or_allow_nothing, 0,
			    (int)ARRAY_LEN(cases));
	tcase_add_test(tc, each_rule_of_ciliums_counts);
	tcase_add_loop_test(tc, a_selector_takes_what_it_asks_for, 0, (int)ARRAY_LEN(selectors));
	tcase_add_loop_test(tc, what_opens_agent_pods_is_named_and_what_only_may_is_a_note, 0,
			    (int)ARRAY_LEN(rows));
	suite_add_tcase(suite, tc);
	return suite;
}
