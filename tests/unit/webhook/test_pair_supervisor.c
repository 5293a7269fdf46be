/* SPDX-License-Identifier: Apache-2.0 */
/* A pod that says it is a proxy, judged field by field; tests/golden/validate has the words. */
#include "webhook/pair_supervisor.h"

#include <check.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "tests/support/json_patch.h"
#include "tests/support/review_text.h"
#include "tests/unit/golden_pair.h"
#include "tests/unit/webhook_fixture.h"
#include "webhook/audit.h"
#include "webhook/validate.h"

enum { TEXT_MAX = 1 << 20 };

/* The pod of a proxy, its review, and its agent pod. */
struct proxy {
	struct review_ask ask;
	struct pod_found found;
};

static void proxy_done(struct proxy *proxy)
{
	json_decref(proxy->ask.object);
	pod_found_done(&proxy->found);
}

static void read_proxy(struct proxy *out)
{
	out->ask = review_of_pod(golden_pair_proxy("minimal", "pods"));
	out->ask.namespace_name = "shop";
	out->found.pod = golden_pair_agent("minimal");
}

static void change(json_t *object, const char *operation)
{
	AUTO_FREE char *text = mem_printf("[%s]", operation);
	AUTO(json_drop) json_t *patch = fixture_parse(text);
	struct err err = { 0 };

	ck_assert_msg(json_patch_apply(object, patch, &err) == 0, "%s: %s", operation, err.msg);
}

/* The server asks, and judges once more: tests/e2e/test_connect.py. */
START_TEST(a_proxy_is_judged_once_its_agent_pod_was_asked_for)
{
	AUTO(proxy_done) struct proxy proxy = { 0 };
	const struct handler handler = { .config = &fixture_config,
					 .namespaces = &fixture_namespaces,
					 .log = &fixture_log };
	AUTO(buf_done) struct buf body = buf_init(TEXT_MAX), out = buf_init(TEXT_MAX);
	struct outcome outcome;
	struct err err = { 0 };

	read_proxy(&proxy);
	review_text(&proxy.ask, &body);
	ck_assert(validate(&handler, buf_slice(&body), &out, &outcome, &err) == 0);
	ck_assert_int_eq(outcome.waits, WAIT_POD);
	ck_assert_uint_eq(out.n, 0);
}
END_TEST

/* Each one alone. */
static const struct {
	const char *operation;
} differences[] = {
	{ "{op: add, path: /spec/nodeName, value: node-1}" },
	{ "{op: add, path: /spec/hostNetwork, value: true}" },
	{ "{op: add, path: /spec/hostPID, value: true}" },
	{ "{op: add, path: /spec/runtimeClassName, value: fast}" },
	{ "{op: add, path: /spec/initContainers, value: [{name: a, image: b}]}" },
	{ "{op: add, path: /spec/hostAliases, value: [{ip: 1.2.3.4, hostnames: [a]}]}" },
	{ "{op: add, path: /spec/unheard-of, value: {}}" },
	{ "{op: replace, path: /spec/serviceAccountName, value: other}" },
	{ "{op: replace, path: /spec/automountServiceAccountToken, value: true}" },
	{ "{op: replace, path: /spec/dnsPolicy, value: Default}" },
	{ "{op: replace, path: /spec/priority, value: high}" },
	{ "{op: remove, path: /spec/securityContext}" },
	{ "{op: remove, path: /spec/volumes/0}" },
	{ "{op: replace, path: /spec/volumes/1/secret/secretName, value: other}" },
	{ "{op: add, path: /spec/volumes/-, value: {name: x, emptyDir: {}}}" },
	{ "{op: add, path: /spec/containers/-, value: {name: x, image: y}}" },
	{ "{op: replace, path: /spec/containers/0/image, value: evil}" },
	{ "{op: replace, path: /spec/containers/0/command/1, value: run}" },
	{ "{op: add, path: /spec/containers/0/args, value: [x]}" },
	{ "{op: add, path: /spec/containers/0/env, value: [{name: LD_PRELOAD, value: x}]}" },
	{ "{op: add, path: /spec/containers/0/lifecycle, value: {postStart: {exec: {command: "
	  "[x]}}}}" },
	{ "{op: add, path: /spec/containers/0/volumeMounts/-, value: {name: openshell-policy, "
	  "mountPath: /x}}" },
	{ "{op: add, path: /spec/containers/0/securityContext/capabilities/add, value: "
	  "[NET_RAW]}" },
	{ "{op: replace, path: /spec/containers/0/securityContext/runAsUser, value: 1}" },
	{ "{op: replace, path: /spec/containers/0/resources/limits/cpu, value: '2'}" },
	{ "{op: remove, path: /spec/containers/0/resources/limits/cpu}" },
	{ "{op: remove, path: /spec/containers/0/resources/limits}" },
	{ "{op: remove, path: /spec/containers/0/resources}" },
	{ "{op: add, path: /spec/containers/0/resources/limits/vendor.example~1gpu, value: '1'}" },
	{ "{op: add, path: /spec/containers/0/resources/claims, value: [{name: x}]}" },
	{ "{op: add, path: /spec/tolerations/-, value: {operator: Exists}}" },
	{ "{op: add, path: /spec/tolerations/-, value: {key: node.kubernetes.io/not-ready, "
	  "operator: "
	  "Exists, effect: NoExecute}}" },
	{ "{op: replace, path: /spec/tolerations/0/effect, value: NoSchedule}" },
	{ "{op: replace, path: /spec/tolerations, value: {}}" },
	{ "{op: add, path: /spec/imagePullSecrets, value: x}" },
	{ "{op: add, path: /spec/imagePullSecrets, value: [x]}" },
	{ "{op: replace, path: /spec/enableServiceLinks, value: true}" },
	{ "{op: replace, path: /spec/schedulerName, value: other}" },
	{ "{op: add, path: /spec/schedulingGates, value: [{name: other.io/wait}]}" },
	{ "{op: add, path: /metadata/labels/app, value: web}" },
	{ "{op: add, path: /metadata/annotations/other, value: x}" },
	{ "{op: add, path: /metadata/annotations/openshell.io~1topology, value: none}" },
	{ "{op: add, path: /metadata/finalizers, value: [x]}" },
	{ "{op: replace, path: /metadata/annotations/openshell.io~1sandbox-name, value: ../x}" },
	{ "{op: remove, path: /metadata/annotations/openshell.io~1sandbox-name}" },
	{ "{op: remove, path: /metadata/labels/openshell.io~1sandbox-id}" },
	{ "{op: replace, path: /metadata/labels/openshell.io~1sandbox-id, value: "
	  "0d6a2c0e-5f0b-4a51-9a6e-3f1f5a4b7c02}" },
	{ "{op: remove, path: /metadata/ownerReferences}" },
	{ "{op: add, path: /metadata/ownerReferences/-, value: {}}" },
	{ "{op: replace, path: /metadata/ownerReferences/0/kind, value: StatefulSet}" },
	{ "{op: replace, path: /metadata/ownerReferences/0/apiVersion, value: evil/v1}" },
	{ "{op: replace, path: /metadata/ownerReferences/0/controller, value: false}" },
	{ "{op: replace, path: /metadata/ownerReferences/0/name, value: os-sup-other}" },
	{ "{op: replace, path: /metadata/ownerReferences/0/name, value: "
	  "os-sup-0d6a2c0e-5f0b-4a51-9a6e-3f1f5a4b7c01}" },
};

static void judge_proxy(const char *operation, struct review_answer *answer)
{
	AUTO(proxy_done) struct proxy proxy = { 0 };
	const struct handler handler = { .config = &fixture_config,
					 .namespaces = &fixture_namespaces,
					 .log = &fixture_log,
					 .found = &proxy.found };
	struct err err = { 0 };

	read_proxy(&proxy);
	change(proxy.ask.object, operation);
	ck_assert(review_answer(&handler, validate, &proxy.ask, answer, &err) == 0);
}

START_TEST(a_proxy_that_differs_in_anything_is_refused)
{
	AUTO(review_answer_done) struct review_answer answer = { 0 };

	judge_proxy(differences[_i].operation, &answer);
	ck_assert_msg(!answer.allowed, "%s", differences[_i].operation);
	ck_assert_msg(strstr(answer.message, "OSW103") != NULL, "%s: %s", differences[_i].operation,
		      answer.message);
}
END_TEST

/* LimitRange, another default of the API server's, a PriorityClass, a pull secret of the ServiceAccount. */
static const struct {
	const char *operation;
} additions[] = {
	{ "{op: add, path: /spec/containers/0/resources/limits/ephemeral-storage, value: 1Gi}" },
	{ "{op: add, path: /metadata/annotations/kubernetes.io~1limit-ranger, value: x}" },
	{ "{op: add, path: /spec/containers/0/resizePolicy, value: [{resourceName: cpu, "
	  "restartPolicy: NotRequired}]}" },
	{ "{op: replace, path: /spec/tolerations/0/tolerationSeconds, value: 60}" },
	{ "{op: remove, path: /spec/tolerations}" },
	{ "{op: remove, path: /spec/priority}" },
	{ "{op: add, path: /spec/priorityClassName, value: normal}" },
	{ "{op: add, path: /spec/imagePullSecrets, value: [{name: registry}]}" },
};

START_TEST(what_admission_adds_to_any_pod_is_no_difference)
{
	AUTO(review_answer_done) struct review_answer answer = { 0 };

	judge_proxy(additions[_i].operation, &answer);
	ck_assert_msg(answer.allowed, "%s: %s", additions[_i].operation, answer.message);
}
END_TEST

START_TEST(where_proxy_pod_is_not_switched_on_nothing_is_a_proxy)
{
	AUTO(proxy_done) struct proxy proxy = { 0 };
	struct webhook_config without = fixture_config;
	const struct handler handler = { .config = &without,
					 .namespaces = &fixture_namespaces,
					 .log = &fixture_log,
					 .found = &proxy.found };
	review_function *const both[] = { handler_mutate, validate };
	struct err err = { 0 };

	without.proxy_pod_api = NULL;
	read_proxy(&proxy);
	for (size_t i = 0; i < ARRAY_LEN(both); i++) {
		AUTO(review_answer_done) struct review_answer answer = { 0 };

		ck_assert(review_answer(&handler, both[i], &proxy.ask, &answer, &err) == 0);
		ck_assert(!answer.allowed);
		ck_assert_ptr_nonnull(strstr(answer.message, "OSW010"));
	}
}
END_TEST

START_TEST(mutate_leaves_a_proxy_as_it_is)
{
	AUTO(proxy_done) struct proxy proxy = { 0 };
	const struct handler handler = { .config = &fixture_config,
					 .namespaces = &fixture_namespaces,
					 .log = &fixture_log };
	AUTO(review_answer_done) struct review_answer answer = { 0 };
	struct err err = { 0 };

	read_proxy(&proxy);
	ck_assert(review_answer(&handler, handler_mutate, &proxy.ask, &answer, &err) == 0);
	ck_assert(answer.allowed);
	ck_assert_uint_eq(json_array_size(answer.patch), 0);
}
END_TEST

/* As every static pod: what a node runs from its own files is there, whatever is said of it. */
START_TEST(the_mirror_of_a_static_pod_is_left_alone_whatever_it_says)
{
	AUTO(proxy_done) struct proxy proxy = { 0 };
	const struct handler handler = { .config = &fixture_config,
					 .namespaces = &fixture_namespaces,
					 .log = &fixture_log };
	review_function *const both[] = { handler_mutate, validate };
	struct err err = { 0 };

	read_proxy(&proxy);
	proxy.ask.user = "system:node:n";
	change(proxy.ask.object,
	       "{op: add, path: /metadata/annotations/kubernetes.io~1config.mirror, value: x}");
	for (size_t i = 0; i < ARRAY_LEN(both); i++) {
		AUTO(review_answer_done) struct review_answer answer = { 0 };

		ck_assert(review_answer(&handler, both[i], &proxy.ask, &answer, &err) == 0);
		ck_assert_msg(answer.allowed, "%s", answer.message);
	}
}
END_TEST

#define OLD "registry.example/openshell/agent:0.9.0"
#define SET_OLD(list) "{op: replace, path: /spec/" list "/0/image, value: " OLD "}"

/* While replicas of two releases answer in turn. */
static const struct {
	const char *own; /* of the replica that judges */
	bool is_agent_old, is_proxy_old, is_allowed;
} upgrades[] = {
	{ FIXTURE_IMAGE, false, false, true },      { OLD, false, false, true },
	{ FIXTURE_IMAGE, true, true, true },        { OLD, true, true, true },
	{ FIXTURE_IMAGE, false, true, false },      { OLD, false, true, false },
	{ FIXTURE_IMAGE, true, false, false },      { OLD, true, false, false },
	{ "elsewhere/agent:1", true, true, false },
};

START_TEST(a_proxy_has_the_agent_of_its_pod_whichever_release_judges_it)
{
	AUTO(proxy_done) struct proxy proxy = { 0 };
	AUTO(review_answer_done) struct review_answer answer = { 0 };
	struct webhook_config config = fixture_config;
	const struct handler handler = { .config = &config,
					 .namespaces = &fixture_namespaces,
					 .log = &fixture_log,
					 .found = &proxy.found };
	struct err err = { 0 };

	config.agent_image = upgrades[_i].own;
	read_proxy(&proxy);
	if (upgrades[_i].is_agent_old)
		change(proxy.found.pod, SET_OLD("initContainers"));
	if (upgrades[_i].is_proxy_old)
		change(proxy.ask.object, SET_OLD("containers"));
	ck_assert(review_answer(&handler, validate, &proxy.ask, &answer, &err) == 0);
	ck_assert_msg(answer.allowed == upgrades[_i].is_allowed, "%s", answer.message);
}
END_TEST

START_TEST(a_proxy_as_old_as_its_pod_is_outdated_to_the_audit)
{
	AUTO(proxy_done) struct proxy proxy = { 0 };
	const struct handler handler = { .config = &fixture_config,
					 .namespaces = &fixture_namespaces,
					 .log = &fixture_log,
					 .found = &proxy.found };
	struct audit_verdict verdict;

	read_proxy(&proxy);
	change(proxy.found.pod, SET_OLD("initContainers"));
	change(proxy.ask.object, SET_OLD("containers"));
	audit_judge(&handler, proxy.ask.object, "shop", &verdict);
	ck_assert_int_eq(verdict.reason, AUDIT_OUTDATED);
	ck_assert_str_eq(verdict.detail, OLD);
}
END_TEST

/* Of pods that run. */
static const struct {
	const char *operation;
	bool is_asked;
	enum audit_reason reason;
	const char *detail;
} audited[] = {
	{ "{op: add, path: /spec/nodeName, value: node-1}", true, AUDIT_NONE, "" },
	{ "{op: add, path: /spec/nodeName, value: node-1}", false, AUDIT_ALTERED, "OSW104" },
	{ "{op: add, path: /spec/hostNetwork, value: true}", true, AUDIT_ALTERED, "OSW103" },
	{ "{op: remove, path: /metadata/ownerReferences}", true, AUDIT_ALTERED, "OSW103" },
	{ "{op: replace, path: /spec/containers/0/image, value: agent:old}", true, AUDIT_ALTERED,
	  "OSW103" },
	{ "{op: add, path: /spec/ephemeralContainers, value: [{name: x}]}", true, AUDIT_EPHEMERAL,
	  "" },
	{ "{op: replace, path: /spec/containers/0/name, value: x}", true, AUDIT_UNSANDBOXED,
	  "OSW103" },
};

START_TEST(the_audit_compares_proxies_too)
{
	AUTO(proxy_done) struct proxy proxy = { 0 };
	const struct handler handler = { .config = &fixture_config,
					 .namespaces = &fixture_namespaces,
					 .log = &fixture_log,
					 .found = audited[_i].is_asked ? &proxy.found : NULL };
	struct audit_verdict verdict;

	read_proxy(&proxy);
	change(proxy.ask.object, audited[_i].operation);
	audit_judge(&handler, proxy.ask.object, "shop", &verdict);
	ck_assert_msg(verdict.reason == audited[_i].reason, "%d: %s", (int)verdict.reason,
		      verdict.detail);
	ck_assert_msg(strstr(verdict.detail, audited[_i].detail) != NULL, "%s", verdict.detail);
}
END_TEST

Suite *pair_supervisor_suite(void);
Suite *pair_supervisor_suite(void)
{
	Suite *suite = suite_create("pair_supervisor");
	TCase *each = tcase_create("pair_supervisor");

	tcase_add_checked_fixture(each, fixture_load_namespaces, fixture_free_namespaces);
	tcase_add_test(each, a_proxy_is_judged_once_its_agent_pod_was_asked_for);
	tcase_add_loop_test(each, a_proxy_that_differs_in_anything_is_refused, 0,
			    (int)ARRAY_LEN(differences));
	tcase_add_loop_test(each, what_admission_adds_to_any_pod_is_no_difference, 0,
			    (int)ARRAY_LEN(additions));
	tcase_add_test(each, where_proxy_pod_is_not_switched_on_nothing_is_a_proxy);
	tcase_add_test(each, mutate_leaves_a_proxy_as_it_is);
	tcase_add_test(each, the_mirror_of_a_static_pod_is_left_alone_whatever_it_says);
	tcase_add_loop_test(each, a_proxy_has_the_agent_of_its_pod_whichever_release_judges_it, 0,
			    (int)ARRAY_LEN(upgrades));
	tcase_add_test(each, a_proxy_as_old_as_its_pod_is_outdated_to_the_audit);
	tcase_add_loop_test(each, the_audit_compares_proxies_too, 0, (int)ARRAY_LEN(audited));
	suite_add_tcase(suite, each);
	return suite;
}
