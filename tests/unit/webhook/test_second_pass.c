/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a pod that was rewritten, then changed by somebody, and is sent once more. */
#include <check.h>
#include <string.h>

#include "lib/cleanup.h"
#include "tests/support/json_patch.h"
#include "tests/support/review_text.h"
#include "tests/unit/golden_pod.h"
#include "tests/unit/webhook_fixture.h"
#include "webhook/names.h"
#include "webhook/pair_names.h"
#include "webhook/pod.h"

static const struct handler handler = { .config = &fixture_config,
					.namespaces = &fixture_namespaces,
					.log = &fixture_log };

/* The pod of a case, rewritten and then changed by a patch. */
static json_t *changed_pod(const char *case_name, const char *patch_text)
{
	AUTO(json_drop) json_t *pod = golden_pod(case_name);
	AUTO(json_drop) json_t *change = NULL;
	AUTO(review_answer_done) struct review_answer first = { 0 };
	struct err err = { 0 };

	ck_assert(review_pod(&handler, pod, &first, &err) == 0);
	ck_assert(json_patch_apply(pod, first.patch, &err) == 0);
	ck_assert_msg(json_parse(slice_text(patch_text), &change, &err) == 0, "%s", err.msg);
	ck_assert_msg(json_patch_apply(pod, change, &err) == 0, "%s", err.msg);
	return STEAL(pod);
}

static void expect_denial(const char *case_name, const char *patch_text, const char *code)
{
	AUTO(json_drop) json_t *pod = changed_pod(case_name, patch_text);
	AUTO(review_answer_done) struct review_answer again = { 0 };
	struct err err = { 0 };

	ck_assert(review_pod(&handler, pod, &again, &err) == 0);
	ck_assert_msg(!again.allowed, "allowed: %s", patch_text);
	ck_assert_msg(strstr(again.message, code) != NULL, "%s: %s", patch_text, again.message);
}

#define OP(op, path, value) "[{\"op\":\"" op "\",\"path\":\"" path "\",\"value\":" value "}]"
#define INSTALL "/spec/initContainers/0"

#define PROXY "/spec/initContainers/1"

static const struct {
	const char *patch, *code;
} tamperings[] = {
	{ OP("replace", INSTALL "/image", "\"evil\""), "OSW039" },
	{ OP("add", INSTALL "/args", "[\"x\"]"), "OSW039" },
	{ OP("add", INSTALL "/env", "[{\"name\":\"LD_PRELOAD\",\"value\":\"/x\"}]"), "OSW039" },
	{ OP("replace", INSTALL "/securityContext/capabilities", "{}"), "OSW039" },
	{ OP("add", INSTALL "/volumeMounts/-", "{\"name\":\"data\",\"mountPath\":\"/openshell\"}"),
	  "OSW039" },
	{ OP("remove", INSTALL, "0"), "OSW039" },
	{ OP("add", "/spec/initContainers/-",
	     "{\"name\":\"x\",\"image\":\"x\",\"command\":[\"" PATH_AGENT "\",\"exec\"]}"),
	  "OSW039" },
	{ OP("add", INSTALL, "{\"name\":\"first\",\"image\":\"x\"}"), "OSW039" },
	{ OP("replace", "/spec/containers/0/command", "[\"/app\"]"), "OSW039" },
	{ OP("replace", "/spec/containers/0/command/0", "\"/bin/sh\""), "OSW039" },
	{ OP("add", "/spec/containers/0/securityContext/capabilities/add/-", "\"SYS_MODULE\""),
	  "OSW031" },
	{ OP("add", "/spec/containers/-", "{\"name\":\"other\",\"image\":\"x\"}"), "OSW021" },
	{ OP("replace", "/metadata/annotations/openshell.io~1status", "\"{}\""), "OSW010" },
	{ OP("add", "/spec/hostPID", "true"), "OSW015" },
	{ "[{\"op\":\"replace\",\"path\":\"/spec/volumes/0\",\"value\":"
	  "{\"name\":\"openshell-supervisor-bin\",\"hostPath\":{\"path\":\"/srv\"}}}]",
	  "OSW039" },
	{ "[{\"op\":\"replace\",\"path\":\"/spec/containers/0/volumeMounts/0/readOnly\","
	  "\"value\":false}]",
	  "OSW032" },
};

START_TEST(what_was_rendered_and_then_changed_is_refused)
{
	expect_denial("minimal", tamperings[_i].patch, tamperings[_i].code);
}
END_TEST

static const struct {
	const char *patch, *code;
} sidecar_tamperings[] = {
	{ OP("replace", INSTALL "/image", "\"evil\""), "OSW039" },
	{ OP("replace", PROXY "/image", "\"evil\""), "OSW039" },
	{ OP("add", PROXY "/env", "[{\"name\":\"LD_PRELOAD\",\"value\":\"/x\"}]"), "OSW039" },
	{ OP("add", PROXY "/command/-", "\"--x\""), "OSW039" },
	{ OP("add", PROXY "/volumeMounts/-", "{\"name\":\"data\",\"mountPath\":\"/x\"}"),
	  "OSW039" },
	{ OP("add", PROXY "/livenessProbe", "{\"exec\":{\"command\":[\"/x\"]}}"), "OSW039" },
	{ OP("remove", PROXY "/restartPolicy", "0"), "OSW039" },
	{ OP("remove", INSTALL, "0"), "OSW039" },
	{ OP("remove", PROXY, "0"), "OSW039" },
	{ OP("add", INSTALL, "{\"name\":\"first\",\"image\":\"x\"}"), "OSW039" },
	{ OP("add", PROXY, "{\"name\":\"between\",\"image\":\"x\"}"), "OSW039" },
	{ OP("add", "/spec/initContainers/-",
	     "{\"name\":\"x\",\"image\":\"x\",\"command\":[\"" PATH_AGENT "\",\"proxy\"]}"),
	  "OSW039" },
	{ OP("replace", "/spec/containers/0/command/1", "\"run\""), "OSW039" },
	{ OP("replace", "/spec/shareProcessNamespace", "false"), "OSW088" },
	{ OP("replace", "/spec/containers/0/securityContext/runAsUser", "0"), "OSW086" },
	{ OP("replace", "/spec/containers/0/securityContext/runAsUser", "1337"), "OSW037" },
	{ OP("replace", "/spec/containers/0/securityContext/allowPrivilegeEscalation", "true"),
	  "OSW087" },
	{ OP("add", "/spec/containers/0/securityContext/capabilities/add", "[\"NET_RAW\"]"),
	  "OSW031" },
	{ OP("add", "/spec/containers/0/volumeMounts/-",
	     "{\"name\":\"openshell-proxy-state\",\"mountPath\":\"/x\"}"),
	  "OSW032" },
	{ OP("replace", "/spec/containers/0/volumeMounts/3/readOnly", "false"), "OSW032" },
};

START_TEST(a_sidecar_that_was_rendered_and_then_changed_is_refused)
{
	expect_denial("sidecar-minimal", sidecar_tamperings[_i].patch, sidecar_tamperings[_i].code);
}
END_TEST

/* What a second pass makes as it was. */
static const char *const mended[] = {
	OP("replace", "/spec/containers/0/command", "[\"/other\"]"),
	OP("replace", "/spec/containers/0/securityContext", "{\"runAsUser\":7}"),
	OP("replace", "/spec/containers/0/securityContext/capabilities",
	   "{\"drop\":[\"NET_RAW\"]}"),
	OP("add", "/spec/containers/-", "{\"name\":\"late\",\"image\":\"x\",\"command\":[\"/x\"]}"),
	OP("add", "/spec/initContainers/-",
	   "{\"name\":\"late\",\"image\":\"x\",\"command\":[\"/x\"],\"restartPolicy\":\"Always\"}"),
	"[{\"op\":\"remove\",\"path\":\"/spec/shareProcessNamespace\"}]",
};

static void expect_launched(const json_t *container)
{
	const json_t *command = json_member(container, "command");
	const json_t *security = json_member(container, "securityContext");

	ck_assert_str_eq(json_string_value(json_array_get(command, 0)), PATH_AGENT);
	ck_assert_str_eq(json_string_value(json_array_get(command, 1)), "launch");
	ck_assert(json_member_true(security, "runAsNonRoot"));
	ck_assert(json_is_false(json_member(security, "allowPrivilegeEscalation")));
	ck_assert_ptr_null(json_member(json_member(security, "capabilities"), "add"));
}

static void expect_all_launched(const json_t *containers, size_t first)
{
	ck_assert_uint_ge(json_array_size(containers), first);
	for (size_t i = first; i < json_array_size(containers); i++)
		expect_launched(json_array_get(containers, i));
}

START_TEST(what_came_to_a_sidecar_pod_later_is_wrapped_by_a_second_pass)
{
	AUTO(json_drop) json_t *pod = changed_pod("sidecar-minimal", mended[_i]);
	AUTO(review_answer_done) struct review_answer second = { 0 };
	struct err err = { 0 };

	ck_assert(review_pod(&handler, pod, &second, &err) == 0);
	ck_assert_msg(second.allowed, "%s", second.message);
	ck_assert_uint_gt(json_array_size(second.patch), 0);
	ck_assert(json_patch_apply(pod, second.patch, &err) == 0);
	const json_t *spec = json_member(pod, "spec");
	expect_all_launched(json_member(spec, "containers"), 0);
	expect_all_launched(json_member(spec, "initContainers"), 2);
	ck_assert(json_member_true(spec, "shareProcessNamespace"));
	golden_expect_fixed_point(&handler, pod, "later");
}
END_TEST

/* What other admission plugins do to a pod between two calls must not refuse it. */
START_TEST(a_mount_added_later_is_taken_in_by_a_second_pass)
{
	AUTO(json_drop)
	json_t *pod =
		changed_pod("minimal", "[{\"op\":\"add\",\"path\":\"/spec/volumes/-\",\"value\":"
				       "{\"name\":\"late\",\"emptyDir\":{}}},{\"op\":\"add\","
				       "\"path\":\"/spec/containers/0/volumeMounts/-\",\"value\":"
				       "{\"name\":\"late\",\"mountPath\":\"/late\"}},"
				       "{\"op\":\"replace\",\"path\":\"" INSTALL
				       "/resources/limits/cpu\",\"value\":\"1\"}]");
	AUTO(review_answer_done) struct review_answer second = { 0 };
	struct err err = { 0 };

	ck_assert(review_pod(&handler, pod, &second, &err) == 0);
	ck_assert_msg(second.allowed, "%s", second.message);
	ck_assert_uint_eq(json_array_size(second.patch), 1);
	ck_assert(json_patch_apply(pod, second.patch, &err) == 0);
	golden_expect_fixed_point(&handler, pod, "late");
}
END_TEST

START_TEST(an_init_container_added_later_is_confined_by_a_second_pass)
{
	AUTO(json_drop)
	json_t *pod = changed_pod("minimal",
				  OP("add", "/spec/initContainers/-",
				     "{\"name\":\"late\",\"image\":\"x\",\"command\":[\"/x\"]}"));
	AUTO(review_answer_done) struct review_answer second = { 0 };
	struct err err = { 0 };

	ck_assert(review_pod(&handler, pod, &second, &err) == 0);
	ck_assert_msg(second.allowed, "%s", second.message);
	ck_assert(json_patch_apply(pod, second.patch, &err) == 0);
	const json_t *init =
		json_array_get(json_member(json_member(pod, "spec"), "initContainers"), 1);
	ck_assert_str_eq(json_string_value(json_array_get(json_member(init, "command"), 0)),
			 PATH_AGENT);
	golden_expect_fixed_point(&handler, pod, "late");
}
END_TEST

static const struct {
	const char *patch, *code;
} paired_tamperings[] = {
	{ OP("replace", INSTALL "/image", "\"evil\""), "OSW039" },
	{ OP("replace", INSTALL "/command/5", "\"192.0.2.1:443\""), "OSW039" },
	{ OP("replace", INSTALL "/env/0", "{\"name\":\"OPENSHELL_PROXY_URL\",\"value\":\"x\"}"),
	  "OSW039" },
	{ OP("add", INSTALL "/args", "[\"x\"]"), "OSW039" },
	{ OP("remove", INSTALL, "0"), "OSW039" },
	{ OP("add", INSTALL, "{\"name\":\"first\",\"image\":\"x\"}"), "OSW039" },
	{ OP("add", "/spec/containers/0/env/-",
	     "{\"name\":\"OPENSHELL_PROXY_URL\",\"value\":\"x\"}"),
	  "OSW036" },
	{ OP("replace", "/spec/containers/0/command/1", "\"run\""), "OSW039" },
	{ OP("replace", "/spec/containers/0/securityContext/runAsUser", "0"), "OSW086" },
	{ OP("replace", "/spec/containers/0/volumeMounts/3/readOnly", "false"), "OSW032" },
	{ OP("replace", "/metadata/labels/openshell.io~1sandbox-role", "\"supervisor\""),
	  "OSW103" },
	{ OP("add", "/metadata/labels/openshell.io~1sandbox-id", "\"x\""), "OSW010" },
	{ OP("add", "/metadata/annotations/openshell.io~1proxy-url", "\"x\""), "OSW010" },
	{ OP("add", "/spec/nodeName", "\"node\""), "OSW101" },
	{ OP("add", "/spec/hostNetwork", "true"), "OSW014" },
};

START_TEST(an_agent_pod_that_was_rendered_and_then_changed_is_refused)
{
	expect_denial("paired-minimal", paired_tamperings[_i].patch, paired_tamperings[_i].code);
}
END_TEST

/* What a second pass makes as it was. */
static const char *const paired_mended[] = {
	OP("remove", "/spec/schedulingGates/0", "0"),
	OP("remove", "/spec/schedulingGates", "0"),
	OP("remove", "/metadata/labels/openshell.io~1sandbox-role", "0"),
	OP("replace", "/spec/dnsPolicy", "\"ClusterFirst\""),
	OP("remove", "/spec/containers/0/env", "0"),
	OP("replace", "/spec/containers/0/command", "[\"/other\"]"),
	OP("add", "/spec/containers/-", "{\"name\":\"late\",\"image\":\"x\",\"command\":[\"/x\"]}"),
};

START_TEST(what_an_agent_pod_lost_is_brought_back_by_a_second_pass)
{
	AUTO(json_drop) json_t *pod = changed_pod("paired-minimal", paired_mended[_i]);
	AUTO(review_answer_done) struct review_answer second = { 0 };
	struct err err = { 0 };

	ck_assert(review_pod(&handler, pod, &second, &err) == 0);
	ck_assert_msg(second.allowed, "%s", second.message);
	ck_assert(json_patch_apply(pod, second.patch, &err) == 0);
	const json_t *spec = json_member(pod, "spec");
	ck_assert_ptr_nonnull(pod_find_named(json_member(spec, "schedulingGates"), PAIR_GATE));
	ck_assert_str_eq(json_member_text(json_member(json_member(pod, "metadata"), "labels"),
					  KEY_SANDBOX_ROLE),
			 PAIR_ROLE_AGENT);
	expect_all_launched(json_member(spec, "containers"), 0);
	golden_expect_fixed_point(&handler, pod, "mended");
}
END_TEST

Suite *second_pass_suite(void);
Suite *second_pass_suite(void)
{
	Suite *suite = suite_create("second_pass");
	TCase *each = tcase_create("second_pass");

	tcase_add_checked_fixture(each, fixture_load_namespaces, fixture_free_namespaces);
	tcase_add_loop_test(each, what_was_rendered_and_then_changed_is_refused, 0,
			    (int)ARRAY_LEN(tamperings));
	tcase_add_loop_test(each, a_sidecar_that_was_rendered_and_then_changed_is_refused, 0,
			    (int)ARRAY_LEN(sidecar_tamperings));
	tcase_add_loop_test(each, what_came_to_a_sidecar_pod_later_is_wrapped_by_a_second_pass, 0,
			    (int)ARRAY_LEN(mended));
	tcase_add_test(each, a_mount_added_later_is_taken_in_by_a_second_pass);
	tcase_add_test(each, an_init_container_added_later_is_confined_by_a_second_pass);
	tcase_add_loop_test(each, an_agent_pod_that_was_rendered_and_then_changed_is_refused, 0,
			    (int)ARRAY_LEN(paired_tamperings));
	tcase_add_loop_test(each, what_an_agent_pod_lost_is_brought_back_by_a_second_pass, 0,
			    (int)ARRAY_LEN(paired_mended));
	suite_add_tcase(suite, each);
	return suite;
}
