/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/check_enforcement.h"
#include "webhook/probe_objects.h"

static json_t *parse(const char *text)
{
	json_t *object = NULL;
	struct err err = { 0 };

	ck_assert_msg(json_parse(slice_text(text), &object, &err) == 0, "%s", err.msg);
	return object;
}

#define INIT "\"initContainerStatuses\": [{\"name\": \"openshell-supervisor-install\", "
#define ENDED(code, at) "{\"terminated\": {\"exitCode\": " code ", \"finishedAt\": \"" at "\"}}"

static const struct {
	const char *status;
	enum check_fence want;
} ends[] = {
	{ "", CHECK_FENCE_UNKNOWN },
	{ "\"initContainerStatuses\": 5", CHECK_FENCE_UNKNOWN },
	{ "\"initContainerStatuses\": [{\"name\": \"other\", \"state\": " ENDED("0", "1") "}]",
	  CHECK_FENCE_UNKNOWN },
	{ INIT "\"state\": {\"running\": {}}}]", CHECK_FENCE_UNKNOWN },
	{ INIT "\"state\": " ENDED("0", "1") "}]", CHECK_FENCE_CLOSED },
	{ INIT "\"state\": " ENDED("124", "1") "}]", CHECK_FENCE_OPEN },
	{ INIT "\"state\": " ENDED("125", "1") "}]", CHECK_FENCE_UNKNOWN },
	{ INIT "\"state\": " ENDED("\"0\"", "1") "}]", CHECK_FENCE_UNKNOWN },
	{ INIT "\"state\": {\"waiting\": {}}, \"lastState\": " ENDED("124", "1") "}]",
	  CHECK_FENCE_OPEN },
	{ INIT "\"state\": " ENDED("0", "2") ", \"lastState\": " ENDED("124", "1") "}]",
	  CHECK_FENCE_CLOSED },
	{ "\"containerStatuses\": [{\"name\": \"openshell-supervisor-install\", \"state\": " ENDED(
		  "0", "1") "}]",
	  CHECK_FENCE_CLOSED },
};

START_TEST(how_the_fence_check_ended_last_says_what_it_found)
{
	AUTO(buf_done) struct buf text = buf_init(1024);

	buf_printf(&text, "{\"status\": {%s}}", ends[_i].status);
	AUTO(json_drop) json_t *pod = parse(buf_text(&text));
	ck_assert_int_eq(check_fence_of(pod, "openshell-supervisor-install"), ends[_i].want);
}
END_TEST

static void take(struct check_agents *agents, const char *role, const char *name, const char *code,
		 const char *at)
{
	AUTO(buf_done) struct buf text = buf_init(1024);

	buf_printf(&text,
		   "{\"metadata\": {\"name\": \"%s\", \"namespace\": \"team\", \"labels\": "
		   "{\"openshell.io/sandbox-role\": \"%s\"}}, \"spec\": {\"nodeName\": \"n1\"}, "
		   "\"status\": {" INIT "\"state\": {\"terminated\": {\"exitCode\": %s, "
		   "\"finishedAt\": \"%s\"}}}]}}",
		   name, role, code, at);
	AUTO(json_drop) json_t *pod = parse(buf_text(&text));
	check_agents_take(agents, pod);
}

static void expect(const struct check_report *report, enum check_state state, const char *text)
{
	ck_assert_uint_eq(report->n, 1);
	ck_assert_msg(report->rows[0].state == state, "%s", report->rows[0].text);
	ck_assert_msg(strstr(report->rows[0].text, text) != NULL, "%s", report->rows[0].text);
	ck_assert(state == CHECK_OK || report->rows[0].next != NULL);
}

static void expect_agents(const struct check_agents *agents, enum check_state state,
			  const char *text)
{
	AUTO(check_report_done) struct check_report report = { 0 };

	check_agents_report(agents, &report);
	expect(&report, state, text);
}

START_TEST(agent_pods_show_whether_the_network_is_closed_and_one_that_is_open_counts_more)
{
	struct check_agents agents = { 0 };
	const struct check_agents zero = { 0 };
	AUTO(json_drop) json_t *nothing = json_null();

	check_agents_take(&agents, nothing);
	take(&agents, "supervisor", "proxy", "0", "2026-01-01T00:00:00Z");
	take(&agents, "agent", "starts", "125", "2026-01-01T00:00:00Z");
	ck_assert_mem_eq(&agents, &zero, sizeof(zero));
	expect_agents(&agents, CHECK_NOTE, "none has started");
	take(&agents, "agent", "old", "0", "2026-01-01T00:00:00Z");
	take(&agents, "agent", "new", "0", "2026-01-02T00:00:00Z");
	take(&agents, "agent", "older", "0", "2025-12-31T23:59:59Z");
	expect_agents(&agents, CHECK_OK, "3 found");
	expect_agents(&agents, CHECK_OK, "team/new on node n1, at 2026-01-02T00:00:00Z");
	take(&agents, "agent", "open", "124", "2026-01-01T12:00:00Z");
	expect_agents(&agents, CHECK_MISSING, "1 reached past their proxies");
	expect_agents(&agents, CHECK_MISSING, "team/open on node n1");
}
END_TEST

static const struct {
	enum check_fence without, with;
	enum check_state want;
	const char *text;
} probes[] = {
	{ CHECK_FENCE_UNKNOWN, CHECK_FENCE_UNKNOWN, CHECK_UNKNOWN, "no image" },
	{ CHECK_FENCE_CLOSED, CHECK_FENCE_UNKNOWN, CHECK_UNKNOWN, "proves nothing" },
	{ CHECK_FENCE_OPEN, CHECK_FENCE_UNKNOWN, CHECK_UNKNOWN, "no image" },
	{ CHECK_FENCE_OPEN, CHECK_FENCE_OPEN, CHECK_MISSING, "not enforced" },
	{ CHECK_FENCE_OPEN, CHECK_FENCE_CLOSED, CHECK_OK, "(node n1)" },
	/* Whatever the other says: a pod that nothing closes is silent too. */
	{ CHECK_FENCE_CLOSED, CHECK_FENCE_CLOSED, CHECK_UNKNOWN, "proves nothing" },
};

START_TEST(a_probe_proves_something_only_where_an_open_pod_gets_out)
{
	AUTO(check_report_done) struct check_report report = { 0 };
	const struct check_probe probe = { probes[_i].without, probes[_i].with, "n1", "no image" };

	check_probe_report(&probe, &report);
	expect(&report, probes[_i].want, probes[_i].text);
}
END_TEST

/* --- what is made ----------------------------------------------------------------------------- */

static const char *word(json_t *pod, const char *after)
{
	json_t *command =
		json_member(json_array_get(json_member(json_member(pod, "spec"), "containers"), 0),
			    "command");
	size_t i;
	json_t *one;

	json_array_foreach(command, i,
			   one) if (strcmp(json_string_value(one), after) ==
				    0) return json_string_value(json_array_get(command, i + 1));
	return NULL;
}

START_TEST(the_policy_closes_the_one_pod_both_ways_and_not_the_other)
{
	const struct webhook_config config = { .agent_image = "a",
					       .proxy_pod_api = "10.96.0.1:443,10.0.0.1:53" };
	const struct probe_from from = { .config = &config, .namespace_name = "sys", .node = "n1" };
	AUTO(json_drop) json_t *policy = probe_objects_make(&from, PROBE_POLICY);
	AUTO(json_drop) json_t *open = probe_objects_make(&from, PROBE_OPEN);
	AUTO(json_drop) json_t *closed = probe_objects_make(&from, PROBE_CLOSED);
	json_t *spec = json_member(policy, "spec");
	const char *wanted =
		json_member_text(json_member(json_member(spec, "podSelector"), "matchLabels"),
				 PROBE_LABEL);

	ck_assert_uint_eq(json_array_size(json_member(spec, "policyTypes")), 2);
	ck_assert_uint_eq(json_array_size(json_member(spec, "ingress")), 0);
	ck_assert_uint_eq(json_array_size(json_member(spec, "egress")), 0);
	ck_assert_str_eq(json_member_text(json_member(json_member(closed, "metadata"), "labels"),
					  PROBE_LABEL),
			 wanted);
	ck_assert_str_ne(json_member_text(json_member(json_member(open, "metadata"), "labels"),
					  PROBE_LABEL),
			 wanted);
	ck_assert_str_eq(word(open, "--past"), "10.96.0.1:443");
	ck_assert_str_eq(word(closed, "--past"), "10.96.0.1:443");
}
END_TEST

START_TEST(without_proxy_pod_the_address_is_the_one_that_kubernetes_tells_each_pod)
{
	const struct webhook_config config = { .agent_image = "a" };
	AUTO(json_drop) json_t *secrets = parse("[{\"name\": \"pull\"}]");
	const struct probe_from from = { .config = &config,
					 .namespace_name = "sys",
					 .pull_secrets = secrets };
	AUTO(json_drop) json_t *open = probe_objects_make(&from, PROBE_OPEN);
	json_t *spec = json_member(open, "spec");

	ck_assert_str_eq(word(open, "--past"),
			 "[$(KUBERNETES_SERVICE_HOST)]:$(KUBERNETES_SERVICE_PORT)");
	ck_assert(json_equal(json_member(spec, "imagePullSecrets"), secrets));
	ck_assert_ptr_null(json_member(spec, "affinity"));
	ck_assert(json_is_false(json_member(spec, "automountServiceAccountToken")));
}
END_TEST

Suite *check_enforcement_suite(void);
Suite *check_enforcement_suite(void)
{
	Suite *suite = suite_create("check_enforcement");
	TCase *tc = tcase_create("check_enforcement");

	tcase_add_loop_test(tc, how_the_fence_check_ended_last_says_what_it_found, 0,
			    (int)ARRAY_LEN(ends));
	tcase_add_test(
		tc, agent_pods_show_whether_the_network_is_closed_and_one_that_is_open_counts_more);
	tcase_add_loop_test(tc, a_probe_proves_something_only_where_an_open_pod_gets_out, 0,
			    (int)ARRAY_LEN(probes));
	tcase_add_test(tc, the_policy_closes_the_one_pod_both_ways_and_not_the_other);
	tcase_add_test(tc, without_proxy_pod_the_address_is_the_one_that_kubernetes_tells_each_pod);
	suite_add_tcase(suite, tc);
	return suite;
}
