/* SPDX-License-Identifier: Apache-2.0 */
/* Each folder of tests/golden/webhook is a case: pod.yaml goes in; patch.json (and pod.json, the pod
 * after it) or refused.txt must come out, and warnings.txt where there are any. GOLDEN_UPDATE=1
 * writes what came out instead of comparing. tests/golden/apply.py checks the patches once more. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/mem.h"
#include "tests/support/json_patch.h"
#include "tests/support/review_text.h"
#include "tests/unit/golden.h"
#include "tests/unit/golden_pod.h"
#include "tests/unit/webhook_fixture.h"
#include "webhook/audit.h"
#include "webhook/names.h"

#define VALIDATE "tests/golden/validate"

enum { CASES_MAX = 512, TEXT_MAX = GOLDEN_TEXT_MAX };

static char *cases[CASES_MAX];
static int n_cases;

static const struct webhook_config config_with_roots = { .agent_image = FIXTURE_IMAGE,
							 .default_topology = TOPOLOGY_COMBINED,
							 .upstream_ca = "private-roots",
							 .kubernetes = { 1, 34 } };

static void expect_file(const char *name, const char *file, const char *have)
{
	AUTO_FREE char *path = mem_printf(GOLDEN_PODS "/%s/%s", name, file);

	golden_expect(path, have);
}

static void expect_json(const char *name, const char *file, const json_t *have, size_t flags)
{
	AUTO_FREE char *dump = have != NULL ? json_dumps(have, JSON_INDENT(2) | flags) : NULL;
	AUTO_FREE char *text = dump != NULL ? mem_printf("%s\n", dump) : NULL;

	expect_file(name, file, text);
}

static void expect_refusal(const char *name, const struct review_answer *answer)
{
	AUTO(buf_done) struct buf text = buf_init(TEXT_MAX);

	review_answer_put_message(answer, &text);
	expect_file(name, "refused.txt", answer->allowed ? NULL : buf_text(&text));
}

static void expect_warnings(const char *name, const struct review_answer *answer)
{
	AUTO(buf_done) struct buf text = buf_init(TEXT_MAX);

	review_answer_put_warnings(answer, &text);
	expect_file(name, "warnings.txt", answer->warnings != NULL ? buf_text(&text) : NULL);
}

START_TEST(every_case_gives_what_its_folder_says)
{
	const char *name = cases[_i];
	const struct handler handler = { .config = &fixture_config,
					 .namespaces = &fixture_namespaces,
					 .log = &fixture_log };
	AUTO(json_drop) json_t *pod = golden_pod(name);
	AUTO(review_answer_done) struct review_answer answer = { 0 };
	struct err err = { 0 };

	ck_assert_msg(review_pod(&handler, pod, &answer, &err) == 0, "%s: %s", name, err.msg);
	ck_assert_str_eq(answer.uid, REVIEW_UID);
	bool changed = json_array_size(answer.patch) > 0;
	ck_assert_msg(json_patch_apply(pod, answer.patch, &err) == 0, "%s: %s", name, err.msg);
	expect_refusal(name, &answer);
	expect_warnings(name, &answer);
	expect_json(name, "patch.json", answer.allowed ? answer.patch : NULL, 0);
	expect_json(name, "pod.json", changed ? pod : NULL, JSON_SORT_KEYS);
	if (answer.allowed)
		golden_expect_fixed_point(&handler, pod, name);
}
END_TEST

/* The golden folders have one configuration; this is what the other one adds. */
START_TEST(private_roots_are_mounted_and_told_to_the_agent)
{
	const struct handler handler = { .config = &config_with_roots,
					 .namespaces = &fixture_namespaces,
					 .log = &fixture_log };
	AUTO(json_drop) json_t *pod = golden_pod("init-containers-one-after-the-other");
	AUTO(review_answer_done) struct review_answer answer = { 0 };
	struct err err = { 0 };

	ck_assert(review_pod(&handler, pod, &answer, &err) == 0);
	ck_assert(json_patch_apply(pod, answer.patch, &err) == 0);
	AUTO_FREE char *text = json_dumps(pod, JSON_COMPACT);
	size_t told = 0;
	for (const char *at = text;
	     (at = strstr(at, "\"--upstream-ca\",\"" PATH_ROOTS_FILE "\"")) != NULL; at++)
		told++;
	ck_assert_uint_eq(told, 3);
	ck_assert_ptr_nonnull(strstr(text,
				     "{\"name\":\"" NAME_ROOTS_VOLUME
				     "\",\"mountPath\":\"" PATH_ROOTS "\",\"readOnly\":true}"));
	ck_assert_ptr_nonnull(strstr(text, "{\"name\":\"private-roots\",\"items\":[{\"key\":"
					   "\"ca.crt\",\"path\":\"ca.crt\"}],"
					   "\"defaultMode\":420,\"optional\":false}"));
	golden_expect_fixed_point(&handler, pod, "private roots");
}
END_TEST

static const struct {
	const char *pod;
	size_t told; /* how many containers have a proxy of ours */
	int mode; /* of the file with credentials */
} with_proxies[] = {
	{ "init-containers-one-after-the-other", 3, 0400 },
	{ "sidecar-command-for-each-container", 1, 0444 },
};

static size_t count(const char *text, const char *part)
{
	size_t n = 0;

	for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
		n++;
	return n;
}

START_TEST(the_networks_own_proxy_is_told_to_each_proxy_of_ours)
{
	static const struct webhook_config config_with_upstream = {
		.agent_image = FIXTURE_IMAGE,
		.default_topology = TOPOLOGY_COMBINED,
		.upstream = { .url = "http://proxy.corp:3128",
			      .no_proxy = "10.0.0.0/8,$HOME.corp",
			      .by_hostname = true,
			      .auth_secret = "creds",
			      .auth_key = "user",
			      .auth_insecure = true },
		.kubernetes = { 1, 34 },
	};
	static const char words[] =
		"\"--upstream-proxy\",\"http://proxy.corp:3128\",\"--upstream-no-proxy\","
		"\"10.0.0.0/8,$$HOME.corp\",\"--upstream-proxy-connect-by-hostname\",\"true\","
		"\"--upstream-proxy-auth-file\",\"/etc/openshell/auth/credentials\","
		"\"--upstream-proxy-auth-allow-insecure\",\"true\"";
	const struct handler handler = { .config = &config_with_upstream,
					 .namespaces = &fixture_namespaces,
					 .log = &fixture_log,
					 .kubernetes = { 1, 34 } };
	AUTO(json_drop) json_t *pod = golden_pod(with_proxies[_i].pod);
	AUTO(review_answer_done) struct review_answer answer = { 0 };
	struct err err = { 0 };

	json_object_del(json_object_get(json_object_get(pod, "spec"), "securityContext"),
			"fsGroup");
	ck_assert(review_pod(&handler, pod, &answer, &err) == 0);
	ck_assert_msg(answer.allowed, "%s", answer.message);
	ck_assert(json_patch_apply(pod, answer.patch, &err) == 0);
	AUTO_FREE char *text = json_dumps(pod, JSON_COMPACT);
	AUTO_FREE char *volume =
		mem_printf("{\"name\":\"" NAME_AUTH_VOLUME
			   "\",\"secret\":{\"secretName\":\"creds\",\"items\":"
			   "[{\"key\":\"user\",\"path\":\"credentials\"}],\"defaultMode\":%d}}",
			   with_proxies[_i].mode);
	ck_assert_uint_eq(count(text, words), with_proxies[_i].told);
	ck_assert_uint_eq(count(text, volume), 1);
	/* No other container has it. */
	ck_assert_uint_eq(count(text, "\"mountPath\":\"" PATH_AUTH "\""), with_proxies[_i].told);
	golden_expect_fixed_point(&handler, pod, with_proxies[_i].pod);
}
END_TEST

START_TEST(a_group_that_could_read_the_credentials_of_the_networks_proxy_is_refused_in_combined)
{
	struct webhook_config with = fixture_config;
	const struct handler handler = { .config = &with,
					 .namespaces = &fixture_namespaces,
					 .log = &fixture_log,
					 .kubernetes = { 1, 34 } };
	struct err err = { 0 };

	for (int i = 0; i < 4; i++) {
		bool combined = i % 2 == 0, credentials = i / 2 == 0;
		AUTO(json_drop)
		json_t *pod = golden_pod(combined ? "minimal" : "sidecar-minimal");
		AUTO(review_answer_done) struct review_answer answer = { 0 };

		with.upstream = (struct upstream){ .url = "http://proxy.corp:3128",
						   .auth_secret = credentials ? "creds" : NULL };
		json_object_set_new(json_object_get(pod, "spec"), "securityContext",
				    json_pack("{s:i}", "fsGroup", 2000));
		ck_assert(review_pod(&handler, pod, &answer, &err) == 0);
		ck_assert_int_eq(answer.allowed, !(combined && credentials));
		if (!answer.allowed)
			ck_assert_ptr_nonnull(strstr(answer.message, "OSW121"));
	}
}
END_TEST

START_TEST(topology_proxy_pod_is_refused_where_no_controller_serves_it)
{
	struct webhook_config without = fixture_config;
	const struct handler handler = { .config = &without,
					 .namespaces = &fixture_namespaces,
					 .log = &fixture_log };
	AUTO(json_drop) json_t *pod = golden_pod("paired-minimal");
	AUTO(review_answer_done) struct review_answer answer = { 0 };
	struct err err = { 0 };

	without.proxy_pod_api = NULL;
	ck_assert(review_pod(&handler, pod, &answer, &err) == 0);
	ck_assert(!answer.allowed);
	ck_assert_ptr_nonnull(strstr(answer.message, "OSW006"));
}
END_TEST

static const struct {
	struct kube_version version;
	bool allowed;
} gated_versions[] = {
	{ { 0, 0 }, false },
	{ { 1, 29 }, false },
	{ { 1, 30 }, true },
	{ { 2, 0 }, true },
};

START_TEST(topology_proxy_pod_takes_a_kubernetes_that_is_known_to_have_scheduling_gates)
{
	struct webhook_config with_version = fixture_config;
	const struct handler handler = { .config = &with_version,
					 .namespaces = &fixture_namespaces,
					 .log = &fixture_log };
	AUTO(json_drop) json_t *pod = golden_pod("paired-minimal");
	AUTO(review_answer_done) struct review_answer answer = { 0 };
	struct err err = { 0 };

	with_version.kubernetes = gated_versions[_i].version;
	ck_assert(review_pod(&handler, pod, &answer, &err) == 0);
	ck_assert_int_eq(answer.allowed, gated_versions[_i].allowed);
	ck_assert(answer.allowed == (strstr(answer.message, "OSW100") == NULL));
}
END_TEST

/* https://kubernetes.io/docs/concepts/security/pod-security-standards, of containers. */
static bool is_restricted(const json_t *container)
{
	const json_t *security = json_member(container, "securityContext");
	const json_t *capabilities = json_member(security, "capabilities");
	const char *dropped =
		json_string_value(json_array_get(json_member(capabilities, "drop"), 0));
	const char *profile = json_member_text(json_member(security, "seccompProfile"), "type");

	return json_is_false(json_member(security, "allowPrivilegeEscalation")) &&
	       json_member_true(security, "runAsNonRoot") &&
	       json_integer_value(json_member(security, "runAsUser")) != 0 && dropped != NULL &&
	       strcmp(dropped, "ALL") == 0 && json_member(capabilities, "add") == NULL &&
	       profile != NULL && strcmp(profile, "RuntimeDefault") == 0;
}

static void expect_restricted(const json_t *containers)
{
	ck_assert_uint_gt(json_array_size(containers), 0);
	for (size_t i = 0; i < json_array_size(containers); i++)
		ck_assert_msg(is_restricted(json_array_get(containers, i)), "container %zu", i);
}

START_TEST(an_agent_pod_is_what_podsecurity_restricted_takes)
{
	static const char *const kinds[] = { "configMap", "downwardAPI", "emptyDir", "secret",
					     "projected" };
	const struct handler handler = { .config = &fixture_config,
					 .namespaces = &fixture_namespaces,
					 .log = &fixture_log };
	AUTO(json_drop) json_t *pod = golden_pod("paired-in-a-restricted-namespace");
	AUTO(review_answer_done) struct review_answer answer = { 0 };
	struct err err = { 0 };

	ck_assert(review_pod(&handler, pod, &answer, &err) == 0);
	ck_assert(json_patch_apply(pod, answer.patch, &err) == 0);
	const json_t *spec = json_member(pod, "spec"), *volumes = json_member(spec, "volumes");
	expect_restricted(json_member(spec, "initContainers"));
	expect_restricted(json_member(spec, "containers"));
	for (size_t i = 0; i < json_array_size(volumes); i++) {
		size_t known = 0;

		for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
			known += json_member(json_array_get(volumes, i), kinds[k]) != NULL;
		ck_assert_uint_eq(known, 1);
	}
}
END_TEST

static const struct {
	struct kube_version told, learned;
	bool allowed;
} versions[] = {
	{ { 0, 0 }, { 0, 0 }, false },   { { 0, 0 }, { 1, 28 }, false },
	{ { 0, 0 }, { 1, 29 }, true },   { { 0, 0 }, { 1, 36 }, true },
	{ { 1, 28 }, { 1, 36 }, false }, { { 1, 29 }, { 0, 0 }, true },
	{ { 2, 1 }, { 1, 20 }, true },
};

START_TEST(topology_sidecar_takes_a_kubernetes_that_is_known_to_have_native_sidecars)
{
	struct webhook_config with_version = fixture_config;
	const struct handler handler = { .config = &with_version,
					 .namespaces = &fixture_namespaces,
					 .log = &fixture_log,
					 .kubernetes = versions[_i].learned };
	AUTO(json_drop) json_t *sidecar = golden_pod("sidecar-minimal");
	AUTO(json_drop) json_t *combined = golden_pod("minimal");
	AUTO(review_answer_done) struct review_answer answer = { 0 }, other = { 0 };
	struct err err = { 0 };

	with_version.kubernetes = versions[_i].told;
	ck_assert(review_pod(&handler, sidecar, &answer, &err) == 0);
	ck_assert_int_eq(answer.allowed, versions[_i].allowed);
	ck_assert(answer.allowed == (strstr(answer.message, "OSW085") == NULL));
	ck_assert(review_pod(&handler, combined, &other, &err) == 0);
	ck_assert(other.allowed);
}
END_TEST

static void add_refusals(const char *folder, struct buf *out)
{
	char *names[CASES_MAX];
	size_t n = golden_cases(folder, names, CASES_MAX);

	for (size_t i = 0; i < n; i++) {
		AUTO_FREE char *name = names[i];
		AUTO_FREE char *path = mem_printf("%s/%s/refused.txt", folder, name);

		if (access(path, F_OK) == 0)
			golden_read(path, out);
	}
}

START_TEST(every_denial_is_shown_by_a_case)
{
	AUTO(buf_done) struct buf all = buf_init(TEXT_MAX);

	add_refusals(GOLDEN_PODS, &all);
	add_refusals(VALIDATE, &all);
	for (int i = 0; i < DENIAL_COUNT; i++) {
		/* Takes a pod of 16 MiB: test_handler.c makes one. The others take other settings. */
		if (i == DENIAL_TOO_LARGE || i == DENIAL_KUBERNETES_VERSION ||
		    i == DENIAL_PAIRED_VERSION || i == DENIAL_TOPOLOGY_UNSUPPORTED ||
		    i == DENIAL_CREDENTIALS_GROUP)
			continue;
		/* By the API server: tests/cluster/test_policies.py. */
		if (i >= DENIAL_API_UNLABELLED && i <= DENIAL_API_ADMINS)
			continue;
		/* Of what registries say: test_image_look.c. */
		if (i >= DENIAL_IMAGE_NAME && i <= DENIAL_IMAGE_CHANGED)
			continue;
		const char *code = denial_text((enum denial)i)->code;
		ck_assert_msg(strstr(buf_text(&all), code) != NULL, "no case is refused with %s",
			      code);
	}
}
END_TEST

START_TEST(the_documentation_of_denials_is_what_the_tables_say)
{
	AUTO(buf_done) struct buf page = buf_init(TEXT_MAX);

	denials_markdown(&page);
	audit_markdown(&page);
	expect_file("../../../docs", "denials.md", buf_text(&page));
}
END_TEST

static void find_cases(void)
{
	n_cases = (int)golden_cases(GOLDEN_PODS, cases, CASES_MAX);
}

START_TEST(there_are_cases)
{
	ck_assert_int_gt(n_cases, 50);
}
END_TEST

Suite *golden_suite(void);
Suite *golden_suite(void)
{
	Suite *suite = suite_create("golden");
	TCase *each = tcase_create("golden");

	find_cases();
	tcase_add_checked_fixture(each, fixture_load_namespaces, fixture_free_namespaces);
	tcase_add_test(each, there_are_cases);
	tcase_add_loop_test(each, every_case_gives_what_its_folder_says, 0, n_cases);
	tcase_add_loop_test(each, the_networks_own_proxy_is_told_to_each_proxy_of_ours, 0,
			    (int)ARRAY_LEN(with_proxies));
	tcase_add_test(each, private_roots_are_mounted_and_told_to_the_agent);
	tcase_add_loop_test(
		each, topology_sidecar_takes_a_kubernetes_that_is_known_to_have_native_sidecars, 0,
		(int)ARRAY_LEN(versions));
	tcase_add_test(
		each,
		a_group_that_could_read_the_credentials_of_the_networks_proxy_is_refused_in_combined);
	tcase_add_test(each, topology_proxy_pod_is_refused_where_no_controller_serves_it);
	tcase_add_loop_test(
		each, topology_proxy_pod_takes_a_kubernetes_that_is_known_to_have_scheduling_gates,
		0, (int)ARRAY_LEN(gated_versions));
	tcase_add_test(each, an_agent_pod_is_what_podsecurity_restricted_takes);
	tcase_add_test(each, every_denial_is_shown_by_a_case);
	tcase_add_test(each, the_documentation_of_denials_is_what_the_tables_say);
	suite_add_tcase(suite, each);
	return suite;
}
