/* SPDX-License-Identifier: Apache-2.0 */
/* Pods that came out of the golden cases of the webhook, and what has become of them since. */
#include <check.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "tests/support/json_patch.h"
#include "tests/unit/golden.h"
#include "tests/unit/webhook_fixture.h"
#include "webhook/audit.h"
#include "webhook/keys.h"
#include "webhook/manifest.h"

#define GOLDEN "tests/golden/webhook"

enum { CASES_MAX = 256, TEXT_MAX = GOLDEN_TEXT_MAX };

static char *cases[CASES_MAX];
static int n_cases;

/* One value in YAML. */
/* The pod that came out of a golden case; NULL where it was refused. */
static json_t *rendered(const char *name)
{
	AUTO(buf_done) struct buf text = buf_init(TEXT_MAX);
	AUTO_FREE char *path = mem_printf(GOLDEN "/%s/pod.json", name);

	if (access(path, F_OK) == -1)
		return NULL;
	golden_read(path, &text);
	return fixture_parse(buf_text(&text));
}

static void judge(json_t *pod, const char *namespace_name, struct audit_verdict *verdict)
{
	const struct handler handler = { .config = &fixture_config,
					 .namespaces = &fixture_namespaces,
					 .log = &fixture_log };

	audit_judge(&handler, pod, namespace_name, verdict);
}

/* As the scheduler, and the controller of topology proxy-pod, leave it. */
static void start(json_t *pod)
{
	json_t *meta = json_member(pod, "metadata"), *spec = json_member(pod, "spec");
	json_t *labels = json_member(meta, "labels");

	json_object_set_new(spec, "nodeName", json_string("node-1"));
	if (json_member_text(labels, KEY_SANDBOX_ROLE) == NULL)
		return;
	json_object_set_new(meta, "uid", json_string("0d1b"));
	json_object_set_new(labels, KEY_SANDBOX_ID, json_string("0d1b"));
	json_object_set_new(json_member(meta, "annotations"), KEY_PROXY_URL, json_string("u"));
	json_object_set_new(json_member(meta, "annotations"), KEY_PROXY_CA, json_string("c"));
	json_object_del(spec, "schedulingGates");
}

START_TEST(what_the_webhook_made_is_as_it_should_be)
{
	AUTO(json_drop) json_t *pod = rendered(cases[_i]);
	struct audit_verdict verdict;

	if (pod == NULL)
		return;
	const char *name = json_member_text(json_member(pod, "metadata"), "namespace");
	start(pod);
	judge(pod, name, &verdict);
	ck_assert_msg(verdict.reason == AUDIT_NONE, "%s: %s", cases[_i], verdict.detail);
}
END_TEST

/* `from` is a golden case, or else the pod itself; `patch` is what has become of it. */
static const struct {
	const char *from, *namespace_name, *patch;
	enum audit_reason reason;
	const char *detail; /* a part of it */
} changed[] = {
	{ "{spec: {containers: [{name: a, image: b}]}}", "team", NULL, AUDIT_UNSANDBOXED,
	  "OSW020" },
	{ "{spec: {containers: [{name: a, image: b, command: [c]}]}}", "team", NULL,
	  AUDIT_UNSANDBOXED, "OSW050" },
	{ "{spec: {nodeName: n, hostNetwork: true, containers: [{name: a, image: b}]}}", "team",
	  NULL, AUDIT_UNSANDBOXED, "OSW014" },
	{ "{spec: {}}", "team", NULL, AUDIT_UNSANDBOXED, "OSW012" },
	{ "{spec: {containers: [{name: a, image: b}]}}", "annotated", NULL, AUDIT_NONE, "" },
	{ "{spec: {containers: [{name: a, image: b}]}}", "not-opted-in", NULL, AUDIT_NONE, "" },
	{ "{spec: {containers: [{name: a}]}, status: {phase: Failed}}", "team", NULL, AUDIT_NONE,
	  "" },
	{ "{spec: {containers: [{name: a}]}, status: {phase: Running}}", "team", NULL,
	  AUDIT_UNSANDBOXED, "" },
	{ "{metadata: {annotations: {openshell.io/topology: none}}, spec: {containers: [{name: a, "
	  "image: b}]}}",
	  "team", NULL, AUDIT_NONE, "" },
	{ "{metadata: {annotations: {kubernetes.io/config.mirror: x}}, spec: {containers: [{name: "
	  "a}]}}",
	  "team", NULL, AUDIT_STATIC, "" },
	{ "minimal", "not-opted-in", NULL, AUDIT_UNLABELLED, "" },
	{ "minimal", "team",
	  "[{op: add, path: /metadata/annotations/kubernetes.io~1config.mirror, value: x}]",
	  AUDIT_NONE, "" },
	{ "minimal", "team",
	  "[{op: add, path: /metadata/annotations/openshell.io~1topology, value: none}]",
	  AUDIT_ALTERED, "OSW010" },
	{ "minimal", "team",
	  "[{op: add, path: /metadata/annotations/openshell.io~1topology, value: none},"
	  " {op: remove, path: /metadata/annotations/openshell.io~1status}]",
	  AUDIT_ALTERED, "its annotations ask for none" },
	{ "minimal", "team", "[{op: remove, path: /metadata/annotations/openshell.io~1status}]",
	  AUDIT_ALTERED, "OSW050" },
	{ "minimal", "team",
	  "[{op: add, path: /spec/containers/-, value: {name: x, image: y, command: [z]}}]",
	  AUDIT_ALTERED, "OSW021" },
	{ "minimal", "team",
	  "[{op: add, path: /spec/ephemeralContainers, value: [{name: x, image: y}]}]",
	  AUDIT_EPHEMERAL, "" },
	{ "minimal", "team",
	  "[{op: replace, path: /spec/initContainers/0/image, value: agent:old}]", AUDIT_OUTDATED,
	  "agent:old" },
	{ "minimal", "team",
	  "[{op: replace, path: /spec/initContainers/0/image, value: agent:old},"
	  " {op: replace, path: /metadata/annotations/openshell.io~1status, value: old}]",
	  AUDIT_OUTDATED, "agent:old" },
	{ "minimal", "team",
	  "[{op: replace, path: /spec/initContainers/0/image, value: agent:old},"
	  " {op: add, path: /spec/initContainers/0/command/3, value: x}]",
	  AUDIT_ALTERED, "OSW039" },
	{ "sidecar-minimal", "sidecars",
	  "[{op: replace, path: /spec/initContainers/0/image, value: agent:old},"
	  " {op: replace, path: /spec/initContainers/1/image, value: agent:old}]",
	  AUDIT_OUTDATED, "agent:old" },
	{ "sidecar-minimal", "sidecars",
	  "[{op: replace, path: /spec/initContainers/1/image, value: agent:old}]", AUDIT_ALTERED,
	  "OSW039" },
	{ "paired-minimal", "team", NULL, AUDIT_NONE, "" },
	{ "paired-minimal", "team", "[{op: remove, path: /spec/schedulingGates}]", AUDIT_ALTERED,
	  "OSW050" },
	{ "paired-minimal", "team", "[{op: add, path: /spec/nodeName, value: n}]", AUDIT_ALTERED,
	  "OSW101" },
	{ "paired-minimal", "team",
	  "[{op: add, path: /metadata/labels/openshell.io~1sandbox-id, value: of-another}]",
	  AUDIT_ALTERED, "OSW010" },
	{ "minimal", "typo", NULL, AUDIT_NAMESPACE, "openshell.io/alowed" },
	{ "minimal", "wrong-value", NULL, AUDIT_NAMESPACE, "OSW002" },
};

START_TEST(what_became_of_a_pod_is_told_by_its_reason)
{
	AUTO(json_drop) json_t *pod = NULL;
	AUTO(json_drop) json_t *patch = NULL;
	struct audit_verdict verdict;
	struct err err = { 0 };

	pod = changed[_i].from[0] == '{' ? fixture_parse(changed[_i].from)
					 : rendered(changed[_i].from);
	if (changed[_i].patch != NULL) {
		patch = fixture_parse(changed[_i].patch);
		ck_assert_msg(json_patch_apply(pod, patch, &err) == 0, "%d: %s", _i, err.msg);
	}
	judge(pod, changed[_i].namespace_name, &verdict);
	ck_assert_msg(verdict.reason == changed[_i].reason, "%d: %d %s", _i, (int)verdict.reason,
		      verdict.detail);
	ck_assert_msg(strstr(verdict.detail, changed[_i].detail) != NULL, "%d: %s", _i,
		      verdict.detail);
}
END_TEST

START_TEST(only_a_sandboxed_pod_of_an_unknown_namespace_is_judged_again)
{
	for (int i = 0; i < AUDIT_REASON_COUNT; i++) {
		const struct audit_verdict verdict = { .reason = (enum audit_reason)i };

		ck_assert(audit_is_provisional(&verdict) == (i == AUDIT_UNLABELLED));
	}
}
END_TEST

START_TEST(every_reason_has_its_row)
{
	for (int i = AUDIT_NONE + 1; i < AUDIT_REASON_COUNT; i++) {
		const struct audit_text *text = audit_text((enum audit_reason)i);

		ck_assert_uint_eq(strlen(text->code), strlen("OSW000"));
		ck_assert_msg(strchr(text->when, '|') == NULL && strchr(text->remedy, '|') == NULL,
			      "%s would break the table", text->code);
		for (int k = 0; k < DENIAL_COUNT; k++)
			ck_assert_str_ne(text->code, denial_text((enum denial)k)->code);
	}
}
END_TEST

Suite *audit_suite(void);
Suite *audit_suite(void)
{
	Suite *suite = suite_create("audit");
	TCase *each = tcase_create("audit");

	n_cases = (int)golden_cases(GOLDEN, cases, CASES_MAX);
	tcase_add_checked_fixture(each, fixture_load_namespaces, fixture_free_namespaces);
	tcase_add_loop_test(each, what_the_webhook_made_is_as_it_should_be, 0, n_cases);
	tcase_add_loop_test(each, what_became_of_a_pod_is_told_by_its_reason, 0,
			    (int)ARRAY_LEN(changed));
	tcase_add_test(each, only_a_sandboxed_pod_of_an_unknown_namespace_is_judged_again);
	tcase_add_test(each, every_reason_has_its_row);
	suite_add_tcase(suite, each);
	return suite;
}
