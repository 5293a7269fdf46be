/* SPDX-License-Identifier: Apache-2.0 */
/* Each folder of tests/golden/pair is a case: pod.yaml, an agent pod as the API server keeps it, goes in; objects.json,
 * all that is made for it, and patch.json, what lets it go, must come out. GOLDEN_UPDATE=1 writes what came out
 * instead. Certificates, which are signed anew each time, and private keys stand there as "(hidden)". */
#include <check.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/mem.h"
#include "tests/unit/golden.h"
#include "tests/unit/golden_pair.h"
#include "tests/unit/webhook_fixture.h"
#include "webhook/inbound.h"
#include "webhook/kube_request.h"
#include "webhook/manifest.h"
#include "webhook/names.h"
#include "webhook/pair_names.h"
#include "webhook/pair_objects.h"

#define MASTER "0123456789abcdef0123456789abcdef"
#define UID "0d6a2c0e-5f0b-4a51-9a6e-3f1f5a4b7c01"

enum { CASES_MAX = 64, TEXT_MAX = GOLDEN_TEXT_MAX };

static char *cases[CASES_MAX];
static int n_cases;

static int read_pair(const json_t *pod, struct pair *out, struct err *err)
{
	static const struct namespace_facts ns = { .name = "shop" };

	return pair_read(pod, &ns, &fixture_config, slice_text(MASTER), out, err);
}

static void read_good(const json_t *pod, struct pair *out)
{
	struct err err = { 0 };

	ck_assert_msg(read_pair(pod, out, &err) == 0, "%s", err.msg);
}

static struct pair_from from_of(const struct pair *pair)
{
	return (struct pair_from){
		.pair = pair, .config = &fixture_config, .cluster_ip = "10.96.7.8", .node = "node-1"
	};
}

static void expect_json(const char *name, const char *file, const json_t *have)
{
	AUTO_FREE char *path = mem_printf(GOLDEN_PAIRS "/%s/%s", name, file);
	AUTO_FREE char *dump = json_dumps(have, JSON_INDENT(2));
	AUTO_FREE char *text = mem_printf("%s\n", dump);

	golden_expect(path, text);
}

static void hide(json_t *object, const char *key)
{
	if (json_member_text(object, key) != NULL)
		json_object_set_new(object, key, json_string("(hidden)"));
}

START_TEST(every_pod_gets_what_its_folder_says)
{
	AUTO(json_drop) json_t *pod = golden_pair_agent(cases[_i]);
	AUTO(json_drop) json_t *objects = json_array();
	AUTO(pair_done) struct pair pair = { 0 };

	read_good(pod, &pair);
	const struct pair_from from = from_of(&pair);
	for (int i = 0; i < PAIR_KINDS; i++)
		json_array_append_new(objects, pair_objects_make(&from, (enum pair_kind)i));
	json_t *data = json_member(json_array_get(objects, PAIR_SECRET), "data");
	hide(data, PAIR_CA_KEY);
	hide(data, PAIR_CA_PRIVATE_KEY);
	expect_json(cases[_i], "objects.json", objects);
	AUTO(kube_object_wipe) json_t *patch = pair_objects_patch(&from);
	hide(json_member(json_member(patch, "metadata"), "annotations"), KEY_PROXY_CA);
	expect_json(cases[_i], "patch.json", patch);
}
END_TEST

START_TEST(there_are_cases)
{
	ck_assert_int_ge(n_cases, 3);
}
END_TEST

static json_t *made(const struct pair *pair, enum pair_kind kind)
{
	const struct pair_from from = from_of(pair);

	return pair_objects_make(&from, kind);
}

START_TEST(what_is_deleted_is_made_again_as_it_was)
{
	AUTO(json_drop) json_t *pod = golden_pair_agent("everything");
	AUTO(pair_done) struct pair one = { 0 }, two = { 0 };

	read_good(pod, &one);
	read_good(pod, &two);
	AUTO(json_drop) json_t *first = made(&one, (enum pair_kind)_i);
	AUTO(json_drop) json_t *again = made(&two, (enum pair_kind)_i);
	hide(json_member(first, "data"), PAIR_CA_KEY);
	hide(json_member(again, "data"), PAIR_CA_KEY);
	ck_assert(json_equal(first, again));
}
END_TEST

START_TEST(a_pod_of_the_same_name_has_nothing_in_common_with_the_one_before)
{
	AUTO(json_drop) json_t *pod = golden_pair_agent("minimal");
	AUTO(pair_done) struct pair one = { 0 }, two = { 0 };

	read_good(pod, &one);
	AUTO(json_drop) json_t *first = made(&one, (enum pair_kind)_i);
	AUTO_FREE char *text = json_dumps(first, JSON_COMPACT);
	AUTO(json_drop) json_t *other = json_deep_copy(pod);
	json_object_set_new(json_member(other, "metadata"), "uid",
			    json_string("0d6a2c0e-5f0b-4a51-9a6e-3f1f5a4b7cff"));
	read_good(other, &two);
	AUTO(json_drop) json_t *second = made(&two, (enum pair_kind)_i);
	AUTO_FREE char *other_text = json_dumps(second, JSON_COMPACT);
	ck_assert_ptr_nonnull(strstr(text, UID));
	ck_assert_ptr_null(strstr(other_text, UID));
	ck_assert_str_ne(buf_text(&one.keys.token), buf_text(&two.keys.token));
	ck_assert_str_ne(buf_text(&one.keys.private_key), buf_text(&two.keys.private_key));
}
END_TEST

/* Each twice, in either protocol. */
static void add_containers(json_t *containers, int n)
{
	for (int i = 0; i < 4 * n; i++) {
		AUTO_FREE char *name = mem_printf("c%d", i);
		json_t *ports = json_array();

		for (int k = 0; k < INBOUND_PORTS_MAX; k++)
			json_array_append_new(ports,
					      json_pack("{s:i, s:s}", "containerPort",
							20000 + i / 4 * INBOUND_PORTS_MAX + k,
							"protocol", i % 2 == 0 ? "TCP" : "UDP"));
		json_array_append_new(containers, json_pack("{s:s, s:s, s:o}", "name", name,
							    "image", "a", "ports", ports));
	}
}

/* Whoever makes such pods keeps nobody else's waiting: compared one by one their ports took half a minute. */
START_TEST(thousands_of_ports_are_read_at_once_and_each_is_let_in_once)
{
	enum { N = 200 };
	AUTO(json_drop) json_t *pod = golden_pair_agent("minimal");
	json_t *containers = json_array();
	AUTO(pair_done) struct pair pair = { 0 };

	add_containers(containers, N);
	json_object_set_new(json_member(pod, "spec"), "containers", containers);
	int64_t began = clock_ms(CLOCK_MONOTONIC);
	read_good(pod, &pair);
	ck_assert_int_lt(clock_ms(CLOCK_MONOTONIC) - began, 3000);
	ck_assert_uint_eq(json_array_size(pair.ports), 2 * N * INBOUND_PORTS_MAX);
}
END_TEST

/* A Deployment in a namespace that enforces `restricted` must have its pod admitted. */
START_TEST(a_proxy_has_no_privilege_and_no_token)
{
	AUTO(json_drop) json_t *pod = golden_pair_agent("minimal");
	AUTO(pair_done) struct pair pair = { 0 };

	read_good(pod, &pair);
	AUTO(json_drop) json_t *deployment = made(&pair, PAIR_SUPERVISOR);
	const json_t *spec =
		json_member(json_member(json_member(deployment, "spec"), "template"), "spec");
	const json_t *security =
		json_member(json_array_get(json_member(spec, "containers"), 0), "securityContext");
	const json_t *capabilities = json_member(security, "capabilities");

	ck_assert(json_is_false(json_member(spec, "automountServiceAccountToken")));
	ck_assert(json_member_true(security, "runAsNonRoot"));
	ck_assert(json_member_true(security, "readOnlyRootFilesystem"));
	ck_assert(json_is_false(json_member(security, "allowPrivilegeEscalation")));
	ck_assert_str_eq(json_string_value(json_array_get(json_member(capabilities, "drop"), 0)),
			 "ALL");
	ck_assert_ptr_null(json_member(capabilities, "add"));
	ck_assert_str_eq(json_member_text(json_member(security, "seccompProfile"), "type"),
			 "RuntimeDefault");
}
END_TEST

START_TEST(no_agent_pod_reaches_a_resolver_or_is_reached_where_it_declares_nothing)
{
	AUTO(json_drop) json_t *pod = golden_pair_agent("minimal");
	AUTO(pair_done) struct pair pair = { 0 };

	read_good(pod, &pair);
	AUTO(json_drop) json_t *policy = made(&pair, PAIR_EGRESS);
	const json_t *spec = json_member(policy, "spec");
	ck_assert_uint_eq(json_array_size(json_member(spec, "policyTypes")), 2);
	ck_assert_uint_eq(json_array_size(json_member(spec, "ingress")), 0);
	ck_assert_uint_eq(json_array_size(json_member(spec, "egress")), 1);
	const json_t *rule = json_array_get(json_member(spec, "egress"), 0);
	ck_assert_uint_eq(json_array_size(json_member(rule, "to")), 1);
	ck_assert_uint_eq(json_array_size(json_member(rule, "ports")), 1);
}
END_TEST

START_TEST(an_agent_pod_is_closed_before_it_has_an_id)
{
	AUTO(json_drop) json_t *policy = pair_objects_closed("shop");
	AUTO_FREE char *text = json_dumps(json_member(policy, "spec"), JSON_COMPACT);

	ck_assert_str_eq(text, "{\"podSelector\":{\"matchLabels\":{\"" KEY_SANDBOX_ROLE
			       "\":\"agent\"}},\"policyTypes\":[\"Ingress\",\"Egress\"],"
			       "\"ingress\":[],\"egress\":[]}");
}
END_TEST

START_TEST(an_ipv6_address_of_the_proxy_is_bracketed)
{
	AUTO(json_drop) json_t *pod = golden_pair_agent("minimal");
	AUTO(pair_done) struct pair pair = { 0 };

	read_good(pod, &pair);
	struct pair_from from = from_of(&pair);
	from.cluster_ip = "fd00::8";
	AUTO(kube_object_wipe) json_t *patch = pair_objects_patch(&from);
	const char *url =
		json_member_text(json_member(json_member(patch, "metadata"), "annotations"),
				 KEY_PROXY_URL);
	ck_assert_ptr_nonnull(strstr(url, "@[fd00::8]:3128"));
}
END_TEST

static const struct {
	const char *said; /* by the pod; NULL: nothing */
	enum affinity otherwise;
	const char *in_patch; /* NULL: no affinity */
} affinities[] = {
	{ NULL, AFFINITY_DISABLED, NULL },
	{ NULL, AFFINITY_PREFERRED, "preferredDuring" },
	{ NULL, AFFINITY_REQUIRED, "requiredDuring" },
	{ "disabled", AFFINITY_REQUIRED, NULL },
	{ "preferred", AFFINITY_REQUIRED, "preferredDuring" },
	{ "required", AFFINITY_DISABLED, "requiredDuring" },
};

START_TEST(a_pod_is_beside_its_proxy_as_it_says_or_else_as_the_cluster_does)
{
	const struct webhook_config config = { .agent_image = FIXTURE_IMAGE,
					       .proxy_pod_affinity = affinities[_i].otherwise };
	AUTO(json_drop) json_t *pod = golden_pair_agent("minimal");
	AUTO(pair_done) struct pair pair = { 0 };

	if (affinities[_i].said != NULL)
		json_object_set_new(json_member(json_member(pod, "metadata"), "annotations"),
				    KEY_PROXY_AFFINITY, json_string(affinities[_i].said));
	read_good(pod, &pair);
	struct pair_from from = from_of(&pair);
	from.config = &config;
	AUTO(kube_object_wipe) json_t *patch = pair_objects_patch(&from);
	const json_t *affinity = json_member(json_member(patch, "spec"), "affinity");

	ck_assert_int_eq(affinity != NULL, affinities[_i].in_patch != NULL);
	if (affinity == NULL)
		return;
	AUTO_FREE char *text = json_dumps(affinity, JSON_COMPACT);
	ck_assert_ptr_nonnull(strstr(text, affinities[_i].in_patch));
}
END_TEST

START_TEST(private_roots_and_the_networks_proxy_are_told_to_the_proxy)
{
	const struct webhook_config config = { .agent_image = FIXTURE_IMAGE,
					       .upstream_ca = "private-roots",
					       .upstream = { .url = "http://out.example:8080",
							     .auth_secret = "creds",
							     .auth_insecure = true } };
	AUTO(json_drop) json_t *pod = golden_pair_agent("minimal");
	AUTO(pair_done) struct pair pair = { 0 };

	read_good(pod, &pair);
	const struct pair_from from = { .pair = &pair, .config = &config };
	AUTO(json_drop) json_t *deployment = pair_objects_make(&from, PAIR_SUPERVISOR);
	AUTO_FREE char *text = json_dumps(deployment, JSON_COMPACT);
	ck_assert_ptr_nonnull(strstr(text, "\"--upstream-ca\",\"" PATH_ROOTS_FILE "\""));
	ck_assert_ptr_nonnull(strstr(text, "\"--upstream-proxy\",\"http://out.example:8080\""));
	ck_assert_ptr_nonnull(strstr(text, "\"configMap\":{\"name\":\"private-roots\""));
	ck_assert_ptr_nonnull(
		strstr(text, "\"--upstream-proxy-auth-file\",\"" PATH_AUTH_FILE "\""));
	ck_assert_ptr_nonnull(strstr(text, "\"mountPath\":\"" PATH_AUTH "\",\"readOnly\":true"));
	ck_assert_ptr_nonnull(strstr(text, "\"secretName\":\"creds\",\"items\":[{\"key\":"
					   "\"credentials\",\"path\":\"credentials\"}],"
					   "\"defaultMode\":288"));
}
END_TEST

/* How a pod is spoilt: `member` of its metadata becomes `value`, or goes. */
static const struct {
	const char *member, *value;
} spoilt[] = {
	{ "name", NULL },
	{ "namespace", NULL },
	{ "uid", NULL },
	{ "uid", "short" },
	{ "uid", "0D6A2C0E-5F0B-4A51-9A6E-3F1F5A4B7C01" },
	{ "uid", "0d6a2c0e-5f0b-4a51-9a6e-3f1f5a4b7c/1" },
	{ "creationTimestamp", NULL },
	{ "creationTimestamp", "2026-01-02" },
	{ "creationTimestamp", "2026-01-02T03:04:05+01:00" },
	{ "labels", NULL },
};

START_TEST(what_is_no_agent_pod_of_the_api_server_is_refused)
{
	AUTO(json_drop) json_t *pod = golden_pair_agent("minimal");
	AUTO(pair_done) struct pair pair = { 0 };
	json_t *meta = json_member(pod, "metadata");
	struct err err = { 0 };

	if (spoilt[_i].value != NULL)
		json_object_set_new(meta, spoilt[_i].member, json_string(spoilt[_i].value));
	else
		json_object_del(meta, spoilt[_i].member);
	ck_assert_int_eq(read_pair(pod, &pair, &err), -1);
	ck_assert_int_eq(err.code, ERR_INVALID);
}
END_TEST

START_TEST(a_pod_of_another_role_is_refused)
{
	AUTO(json_drop) json_t *pod = golden_pair_agent("minimal");
	AUTO(pair_done) struct pair pair = { 0 };
	struct err err = { 0 };

	json_object_set_new(json_member(json_member(pod, "metadata"), "labels"), KEY_SANDBOX_ROLE,
			    json_string(PAIR_ROLE_SUPERVISOR));
	ck_assert_int_eq(read_pair(pod, &pair, &err), -1);
}
END_TEST

START_TEST(a_choice_that_is_invalid_is_refused_and_named)
{
	AUTO(json_drop) json_t *pod = golden_pair_agent("minimal");
	AUTO(pair_done) struct pair pair = { 0 };
	struct err err = { 0 };

	json_object_set_new(json_member(json_member(pod, "metadata"), "annotations"),
			    KEY_PROXY_AFFINITY, json_string("always"));
	ck_assert_int_eq(read_pair(pod, &pair, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.msg, KEY_PROXY_AFFINITY));
}
END_TEST

Suite *pair_objects_suite(void);
Suite *pair_objects_suite(void)
{
	Suite *suite = suite_create("pair_objects");
	TCase *golden = tcase_create("golden"), *objects = tcase_create("objects"),
	      *refused = tcase_create("refused");

	n_cases = (int)golden_cases(GOLDEN_PAIRS, cases, CASES_MAX);
	tcase_add_test(golden, there_are_cases);
	tcase_add_loop_test(golden, every_pod_gets_what_its_folder_says, 0, n_cases);
	suite_add_tcase(suite, golden);
	tcase_add_loop_test(objects, what_is_deleted_is_made_again_as_it_was, 0, PAIR_KINDS);
	tcase_add_loop_test(objects,
			    a_pod_of_the_same_name_has_nothing_in_common_with_the_one_before, 0,
			    PAIR_KINDS);
	tcase_add_test(objects, thousands_of_ports_are_read_at_once_and_each_is_let_in_once);
	tcase_add_test(objects, a_proxy_has_no_privilege_and_no_token);
	tcase_add_test(objects,
		       no_agent_pod_reaches_a_resolver_or_is_reached_where_it_declares_nothing);
	tcase_add_test(objects, an_agent_pod_is_closed_before_it_has_an_id);
	tcase_add_test(objects, an_ipv6_address_of_the_proxy_is_bracketed);
	tcase_add_loop_test(objects,
			    a_pod_is_beside_its_proxy_as_it_says_or_else_as_the_cluster_does, 0,
			    (int)ARRAY_LEN(affinities));
	tcase_add_test(objects, private_roots_and_the_networks_proxy_are_told_to_the_proxy);
	suite_add_tcase(suite, objects);
	tcase_add_loop_test(refused, what_is_no_agent_pod_of_the_api_server_is_refused, 0,
			    ARRAY_LEN(spoilt));
	tcase_add_test(refused, a_pod_of_another_role_is_refused);
	tcase_add_test(refused, a_choice_that_is_invalid_is_refused_and_named);
	suite_add_tcase(suite, refused);
	return suite;
}
