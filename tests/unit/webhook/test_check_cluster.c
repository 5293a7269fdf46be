/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/check_cluster.h"

static json_t *parse(const char *text)
{
	json_t *object = NULL;
	struct err err = { 0 };

	if (text == NULL)
		return NULL;
	ck_assert_msg(json_parse(slice_text(text), &object, &err) == 0, "%s", err.msg);
	return object;
}

static void expect(const struct check_report *report, size_t i, enum check_state state,
		   const char *text)
{
	ck_assert_uint_gt(report->n, i);
	ck_assert_msg(report->rows[i].state == state, "%s", report->rows[i].text);
	ck_assert_msg(strstr(report->rows[i].text, text) != NULL, "%s", report->rows[i].text);
	if (state == CHECK_MISSING)
		ck_assert_ptr_nonnull(report->rows[i].next);
}

static const struct {
	const char *object;
	enum check_state state;
	const char *text;
} webhooks[] = {
	{ NULL, CHECK_MISSING, "there is no webhook" },
	{ "{}", CHECK_MISSING, "there is no webhook" },
	{ "{\"webhooks\": 5}", CHECK_MISSING, "there is no webhook" },
	{ "{\"webhooks\": [{\"name\": \"other\"}, 5]}", CHECK_MISSING, "there is no webhook" },
	{ "{\"webhooks\": [{\"name\": \"pods.openshell.io\"}]}", CHECK_MISSING, "not Fail" },
	{ "{\"webhooks\": [{\"name\": \"pods.openshell.io\", \"failurePolicy\": \"Ignore\","
	  " \"clientConfig\": {\"caBundle\": \"eA==\"}}]}",
	  CHECK_MISSING, "not Fail" },
	{ "{\"webhooks\": [{\"name\": \"pods.openshell.io\", \"failurePolicy\": \"Fail\","
	  " \"clientConfig\": {\"caBundle\": \"\"}}]}",
	  CHECK_MISSING, "caBundle is empty" },
	{ "{\"webhooks\": [{\"name\": \"pods.openshell.io\", \"failurePolicy\": \"Fail\","
	  " \"clientConfig\": {\"caBundle\": \"eA==\"}}]}",
	  CHECK_OK, "fails closed" },
};

START_TEST(a_configuration_must_ask_fail_closed_and_trust)
{
	AUTO(check_report_done) struct check_report report = { 0 };
	AUTO(json_drop) json_t *object = parse(webhooks[_i].object);

	check_webhooks(&report, "X", object);
	expect(&report, 0, webhooks[_i].state, webhooks[_i].text);
}
END_TEST

static const struct {
	struct check_served served;
	enum check_state state;
	const char *text;
} certificates[] = {
	{ { CHECK_UNREACHED, 0, "no such host" }, CHECK_UNKNOWN, "from here: no such host" },
	{ { CHECK_UNTRUSTED, 0, "expired" }, CHECK_MISSING, "X does not trust" },
	{ { CHECK_TRUSTED, 86400 * 15, "" }, CHECK_OK, "expires on 1970-01-16 (15 days)" },
	{ { CHECK_TRUSTED, 86400 * 14 - 1, "" }, CHECK_NOTE, "(13 days)" },
	{ { CHECK_TRUSTED, 0, "" }, CHECK_NOTE, "expires on" },
};

START_TEST(what_is_served_must_be_trusted_and_for_a_while)
{
	AUTO(check_report_done) struct check_report report = { 0 };

	check_certificate(&report, "X", &certificates[_i].served, 0);
	expect(&report, 0, certificates[_i].state, certificates[_i].text);
}
END_TEST

static const struct {
	const char *object;
	enum check_state state;
	const char *text;
} deployments[] = {
	{ NULL, CHECK_MISSING, "does not exist" },
	{ "{\"spec\": {\"replicas\": 2}}", CHECK_MISSING, "none of 2" },
	{ "{\"spec\": {\"replicas\": 2}, \"status\": {\"readyReplicas\": 1}}", CHECK_NOTE,
	  "1 of 2" },
	{ "{\"spec\": {\"replicas\": 1}, \"status\": {\"readyReplicas\": 1}}", CHECK_NOTE,
	  "1 of 1" },
	{ "{\"spec\": {\"replicas\": 2}, \"status\": {\"readyReplicas\": 2}}", CHECK_OK, "2 of 2" },
};

START_TEST(replicas_are_counted)
{
	AUTO(check_report_done) struct check_report report = { 0 };
	AUTO(json_drop) json_t *object = parse(deployments[_i].object);

	check_replicas(&report, object);
	expect(&report, 0, deployments[_i].state, deployments[_i].text);
}
END_TEST

/* Labels; the rows behind the namespace's own: label, PodSecurity. */
static const struct {
	const char *labels, *label_text, *level_text;
	enum check_state label, level;
} namespaces[] = {
	{ "{}", "not opted in", "no level", CHECK_MISSING, CHECK_OK },
	{ "{\"openshell.io/inject\": \"enabled\"}", "mistyped: openshell.io/inject", "",
	  CHECK_MISSING, CHECK_OK },
	{ "{\"openshell\": \"enabled\"}", "mistyped: openshell", "", CHECK_MISSING, CHECK_OK },
	{ "{\"openshell.io/injection\": \"true\"}", "OSW002", "", CHECK_MISSING, CHECK_OK },
	{ "{\"openshell.io/injection\": \"enabled\", \"openshell.io/alowed\": \"none\"}", "OSW003",
	  "", CHECK_MISSING, CHECK_OK },
	{ "{\"openshell.io/injection\": \"annotated\"}", "=annotated", "", CHECK_OK, CHECK_OK },
	{ "{\"openshell.io/injection\": \"enabled\","
	  " \"pod-security.kubernetes.io/enforce\": \"baseline\"}",
	  "=enabled", "OSW045", CHECK_OK, CHECK_MISSING },
	{ "{\"openshell.io/injection\": \"enabled\","
	  " \"pod-security.kubernetes.io/enforce\": \"privileged\"}",
	  "=enabled", "privileged", CHECK_OK, CHECK_OK },
};

START_TEST(a_namespaces_label_and_level_are_judged)
{
	const struct webhook_config config = { .default_topology = TOPOLOGY_COMBINED };
	AUTO(check_report_done) struct check_report report = { 0 };
	AUTO(json_drop) json_t *labels = parse(namespaces[_i].labels);
	const struct namespace_facts ns = { "team", labels, NULL };

	check_namespace(&report, &config, &ns);
	expect(&report, 0, CHECK_OK, "team");
	expect(&report, 1, namespaces[_i].label, namespaces[_i].label_text);
	expect(&report, 2, namespaces[_i].level, namespaces[_i].level_text);
}
END_TEST

START_TEST(a_namespace_that_does_not_exist_is_missing)
{
	const struct webhook_config config = { .default_topology = TOPOLOGY_COMBINED };
	AUTO(check_report_done) struct check_report report = { 0 };

	check_namespace(&report, &config, NULL);
	expect(&report, 0, CHECK_MISSING, "does not exist");
	ck_assert_uint_eq(report.n, 1);
}
END_TEST

START_TEST(an_old_kubernetes_is_told)
{
	AUTO(check_report_done) struct check_report report = { 0 };

	check_version(&report, (struct kube_version){ 1, 34 });
	check_version(&report, (struct kube_version){ 1, 28 });
	expect(&report, 0, CHECK_OK, "1.34");
	expect(&report, 1, CHECK_NOTE, "1.28 has no native sidecars");
}
END_TEST

static const struct {
	const char *by, *map;
	enum check_state state;
	const char *text;
} policies[] = {
	{ NULL, NULL, CHECK_NOTE, "reach nothing" },
	{ "the namespace", NULL, CHECK_MISSING, "named by the namespace, does not exist" },
	{ NULL, "{\"data\": {\"policy.yaml\": \"version: 1\\n\"}}", CHECK_OK, "is valid" },
	{ NULL, "{\"data\": {\"policy.yaml\": \"version: 1\\nx: 1\\n\"}}", CHECK_MISSING,
	  "policy.yaml:2:1: x" },
	{ "a pod template", "{\"data\": {\"other\": \"\"}}", CHECK_MISSING, "has no policy.yaml" },
	{ "a pod template", "{}", CHECK_MISSING, "has no policy.yaml" },
};

START_TEST(a_policy_must_be_there_where_it_is_named_and_valid_where_it_is)
{
	AUTO(check_report_done) struct check_report report = { 0 };
	AUTO(json_drop) json_t *map = parse(policies[_i].map);

	check_policy(&report, "rules", policies[_i].by, map);
	expect(&report, 0, policies[_i].state, policies[_i].text);
}
END_TEST

static const struct {
	const char *map;
	enum check_state state;
	const char *text;
} defaults[] = {
	{ NULL, CHECK_MISSING, "has not been given" },
	{ "{}", CHECK_NOTE, "somebody else made" },
	{ "{\"metadata\": {\"labels\": {\"app.kubernetes.io/managed-by\": \"openshell-webhook\"}}}",
	  CHECK_OK, "is the cluster's" },
};

START_TEST(where_the_cluster_has_a_default_policy_it_is_told_whose_the_namespaces_is)
{
	AUTO(check_report_done) struct check_report report = { 0 };
	AUTO(json_drop) json_t *map = parse(defaults[_i].map);

	check_default_policy(&report, map);
	expect(&report, 0, defaults[_i].state, defaults[_i].text);
}
END_TEST

#define OPEN(name) \
	"{\"metadata\":{\"name\":\"" name "\"},\"spec\":{\"podSelector\":{},\"egress\":[{}]}}"
#define OURS                                                                                \
	"{\"metadata\":{\"name\":\"os-eg-u\"},\"spec\":{\"podSelector\":{\"matchLabels\":{" \
	"\"openshell.io/sandbox-id\":\"u\"}},\"egress\":[{}]}}"

static const struct {
	const char *list, *first, *last; /* what the first and the last row say */
	size_t rows;
	enum topology by_default;
	enum check_state state, last_state;
} network_policies[] = {
	{ NULL, "none", "none", 1, TOPOLOGY_PROXY_POD, CHECK_OK, CHECK_OK },
	{ "{\"items\":[{},5," OURS "]}", "none", "none", 1, TOPOLOGY_PROXY_POD, CHECK_OK,
	  CHECK_OK },
	{ "{\"items\":[" OPEN("one") "," OURS "," OPEN("two") "]}", "one opens", "two opens", 2,
	  TOPOLOGY_PROXY_POD, CHECK_MISSING, CHECK_MISSING },
	{ "{\"items\":[" OPEN("one") "]}", "one opens", "one opens", 1, TOPOLOGY_COMBINED,
	  CHECK_NOTE, CHECK_NOTE },
	{ "{\"items\":[" OPEN("1") "," OPEN("2") "," OPEN("3") "," OPEN("4") "," OPEN("5") "," OPEN(
		  "6") "," OPEN("7") "," OPEN("8") "," OPEN("9") "]}",
	  "1 opens", "1 more", 9, TOPOLOGY_PROXY_POD, CHECK_MISSING, CHECK_NOTE },
};

START_TEST(policies_that_open_agent_pods_are_named)
{
	AUTO(check_report_done) struct check_report report = { 0 };
	AUTO(json_drop) json_t *list = parse(network_policies[_i].list);
	AUTO(json_drop) json_t *labels = parse("{\"openshell.io/injection\":\"enabled\"}");
	const struct webhook_config config = { .default_topology =
						       network_policies[_i].by_default };
	const struct namespace_facts ns = { .name = "team", .labels = labels };

	check_network_policies(&report, &config, &ns, list);
	ck_assert_uint_eq(report.n, network_policies[_i].rows);
	expect(&report, 0, network_policies[_i].state, network_policies[_i].first);
	expect(&report, report.n - 1, network_policies[_i].last_state, network_policies[_i].last);
}
END_TEST

Suite *check_cluster_suite(void);
Suite *check_cluster_suite(void)
{
	Suite *suite = suite_create("check_cluster");
	TCase *each = tcase_create("check_cluster");

	tcase_add_loop_test(each, a_configuration_must_ask_fail_closed_and_trust, 0,
			    ARRAY_LEN(webhooks));
	tcase_add_loop_test(each, what_is_served_must_be_trusted_and_for_a_while, 0,
			    ARRAY_LEN(certificates));
	tcase_add_loop_test(each, replicas_are_counted, 0, ARRAY_LEN(deployments));
	tcase_add_loop_test(each, a_namespaces_label_and_level_are_judged, 0,
			    ARRAY_LEN(namespaces));
	tcase_add_test(each, a_namespace_that_does_not_exist_is_missing);
	tcase_add_test(each, an_old_kubernetes_is_told);
	tcase_add_loop_test(each, a_policy_must_be_there_where_it_is_named_and_valid_where_it_is, 0,
			    ARRAY_LEN(policies));
	tcase_add_loop_test(
		each, where_the_cluster_has_a_default_policy_it_is_told_whose_the_namespaces_is, 0,
		ARRAY_LEN(defaults));
	tcase_add_loop_test(each, policies_that_open_agent_pods_are_named, 0,
			    ARRAY_LEN(network_policies));
	suite_add_tcase(suite, each);
	return suite;
}
