/* SPDX-License-Identifier: Apache-2.0 */
/* On what tests/golden/pair/everything says is made. */
#include <check.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "tests/unit/golden.h"
#include "webhook/pair_compare.h"

#define OBJECTS "tests/golden/pair/everything/objects.json"
#define UID "0d6a2c0e-5f0b-4a51-9a6e-3f1f5a4b7c02"

static json_t *objects;

static void read_objects(void)
{
	AUTO(buf_done) struct buf text = buf_init(GOLDEN_TEXT_MAX);
	struct err err;

	golden_read(OBJECTS, &text);
	ck_assert_msg(json_parse(buf_slice(&text), &objects, &err) == 0, "%s", err.msg);
}

static void drop_objects(void)
{
	json_decref(STEAL(objects));
}

static const json_t *wanted(int kind)
{
	return json_array_get(objects, (size_t)kind);
}

/* "/spec/template/spec": the object there. */
static json_t *at(json_t *object, const char *path)
{
	AUTO_FREE char *copy = mem_strdup(path);
	char *save = NULL;

	for (char *part = strtok_r(copy, "/", &save); part != NULL;
	     part = strtok_r(NULL, "/", &save))
		object = json_is_array(object) ? json_array_get(object, strtoul(part, NULL, 10))
					       : json_member(object, part);
	ck_assert_ptr_nonnull(object);
	return object;
}

static json_t *parse(const char *text)
{
	return json_loads(text, JSON_DECODE_ANY, NULL);
}

START_TEST(what_is_there_as_it_was_made_is_right)
{
	AUTO(json_drop) json_t *have = json_deep_copy(wanted(_i));

	ck_assert(pair_compare_is_right((enum pair_kind)_i, wanted(_i), have));
	ck_assert(pair_compare_is_ours(have, UID));
	ck_assert(pair_compare_is_managed(have));
}
END_TEST

START_TEST(what_the_api_server_fills_in_is_no_difference)
{
	static const struct {
		int kind;
		const char *at, *key, *value;
	} cases[] = {
		{ PAIR_SERVICE, "/spec", "clusterIPs", "[\"10.96.7.8\"]" },
		{ PAIR_SERVICE, "/spec", "sessionAffinity", "\"None\"" },
		{ PAIR_SERVICE, "/spec", "ipFamilyPolicy", "\"SingleStack\"" },
		{ PAIR_SERVICE, "", "status", "{\"loadBalancer\":{}}" },
		{ PAIR_SUPERVISOR, "/spec", "progressDeadlineSeconds", "600" },
		{ PAIR_SUPERVISOR, "/spec/template/metadata", "creationTimestamp", "null" },
		{ PAIR_SUPERVISOR, "/metadata", "annotations",
		  "{\"deployment.kubernetes.io/revision\":\"1\"}" },
		{ PAIR_SUPERVISOR, "", "status", "{\"replicas\":1}" },
		{ PAIR_INGRESS, "/metadata/labels", "team", "\"x\"" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(json_drop) json_t *have = json_deep_copy(wanted(cases[i].kind));

		json_object_set_new(at(have, cases[i].at), cases[i].key, parse(cases[i].value));
		ck_assert_msg(pair_compare_is_right((enum pair_kind)cases[i].kind,
						    wanted(cases[i].kind), have),
			      "%zu %s", i, cases[i].key);
	}
}
END_TEST

START_TEST(an_empty_list_may_be_missing)
{
	AUTO(json_drop) json_t *have = json_deep_copy(wanted(PAIR_EGRESS));
	AUTO(json_drop) json_t *closed = json_deep_copy(have);

	json_object_set_new(at(closed, "/spec"), "ingress", json_array());
	json_object_del(at(have, "/spec"), "ingress");
	ck_assert(pair_compare_is_right(PAIR_EGRESS, closed, have));
	ck_assert(!pair_compare_is_right(PAIR_EGRESS, wanted(PAIR_EGRESS), have));
}
END_TEST

START_TEST(every_other_difference_is_seen)
{
	static const struct {
		int kind;
		const char *at, *key, *value;
	} cases[] = {
		{ PAIR_EGRESS, "/spec", "egress", "[{}]" },
		{ PAIR_EGRESS, "/spec", "podSelector", "{}" },
		{ PAIR_EGRESS, "/spec", "policyTypes", "[\"Ingress\"]" },
		{ PAIR_INGRESS, "/spec/ingress/0", "from", "[]" },
		{ PAIR_INGRESS, "/metadata/labels", "openshell.io/sandbox-role", "\"agent\"" },
		{ PAIR_SECRET, "/data", "openshell-ca-key.pem", "\"eA==\"" },
		{ PAIR_SECRET, "/data", "credentials", "\"eA==\"" },
		{ PAIR_SERVICE, "/spec", "externalIPs", "[\"192.0.2.1\"]" },
		{ PAIR_SERVICE, "/spec", "selector", "{\"app\":\"evil\"}" },
		{ PAIR_SERVICE, "/spec", "clusterIP", "\"10.96.0.9\"" },
		{ PAIR_SERVICE, "/spec", "type", "\"LoadBalancer\"" },
		{ PAIR_SUPERVISOR, "/spec", "replicas", "2" },
		{ PAIR_SUPERVISOR, "/spec/strategy", "type", "\"RollingUpdate\"" },
		{ PAIR_SUPERVISOR, "/spec/template/spec", "hostNetwork", "true" },
		{ PAIR_SUPERVISOR, "/spec/template/spec", "initContainers", "[{\"name\":\"x\"}]" },
		{ PAIR_SUPERVISOR, "/spec/template/spec", "serviceAccountName", "\"admin\"" },
		{ PAIR_SUPERVISOR, "/spec/template/spec/containers/0", "image", "\"evil\"" },
		{ PAIR_SUPERVISOR, "/spec/template/spec/containers/0", "env",
		  "[{\"name\":\"X\"}]" },
		{ PAIR_SUPERVISOR, "/spec/template/metadata", "annotations", "{\"x\":\"y\"}" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(json_drop) json_t *have = json_deep_copy(wanted(cases[i].kind));

		json_object_set_new(at(have, cases[i].at), cases[i].key, parse(cases[i].value));
		ck_assert_msg(!pair_compare_is_right((enum pair_kind)cases[i].kind,
						     wanted(cases[i].kind), have),
			      "%zu %s", i, cases[i].key);
	}
}
END_TEST

START_TEST(a_certificate_is_another_each_time)
{
	AUTO(json_drop) json_t *have = json_deep_copy(wanted(PAIR_SECRET));

	json_object_set_new(at(have, "/data"), "openshell-ca.pem", json_string("eA=="));
	ck_assert(pair_compare_is_right(PAIR_SECRET, wanted(PAIR_SECRET), have));
	json_object_del(at(have, "/data"), "openshell-ca.pem");
	ck_assert(!pair_compare_is_right(PAIR_SECRET, wanted(PAIR_SECRET), have));
}
END_TEST

START_TEST(what_another_made_is_not_ours)
{
	AUTO(json_drop) json_t *have = json_deep_copy(wanted(_i));

	ck_assert(!pair_compare_is_ours(have, "0d6a2c0e-5f0b-4a51-9a6e-3f1f5a4b7c03"));
	json_object_del(at(have, "/metadata"), "ownerReferences");
	ck_assert(!pair_compare_is_ours(have, UID));
	json_object_del(at(have, "/metadata/labels"), "app.kubernetes.io/managed-by");
	ck_assert(!pair_compare_is_managed(have));
}
END_TEST

START_TEST(a_deployment_is_ready_when_its_newest_form_is_available)
{
	static const struct {
		const char *text;
		bool is_ready;
	} cases[] = {
		{ "{}", false },
		{ "{\"metadata\":{\"generation\":1},\"status\":{\"observedGeneration\":1,"
		  "\"updatedReplicas\":1,\"availableReplicas\":1}}",
		  true },
		{ "{\"metadata\":{\"generation\":2},\"status\":{\"observedGeneration\":1,"
		  "\"updatedReplicas\":1,\"availableReplicas\":1}}",
		  false },
		{ "{\"metadata\":{\"generation\":2},\"status\":{\"observedGeneration\":2,"
		  "\"availableReplicas\":1}}",
		  false },
		{ "{\"metadata\":{\"generation\":1},\"status\":{\"observedGeneration\":1,"
		  "\"updatedReplicas\":1}}",
		  false },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(json_drop) json_t *deployment = parse(cases[i].text);

		ck_assert_int_eq(pair_compare_is_ready(deployment), cases[i].is_ready);
	}
}
END_TEST

Suite *pair_compare_suite(void);
Suite *pair_compare_suite(void)
{
	Suite *suite = suite_create("pair_compare");
	TCase *each = tcase_create("pair_compare");

	tcase_add_checked_fixture(each, read_objects, drop_objects);
	tcase_add_loop_test(each, what_is_there_as_it_was_made_is_right, 0, PAIR_KINDS);
	tcase_add_test(each, what_the_api_server_fills_in_is_no_difference);
	tcase_add_test(each, an_empty_list_may_be_missing);
	tcase_add_test(each, every_other_difference_is_seen);
	tcase_add_test(each, a_certificate_is_another_each_time);
	tcase_add_loop_test(each, what_another_made_is_not_ours, 0, PAIR_KINDS);
	tcase_add_test(each, a_deployment_is_ready_when_its_newest_form_is_available);
	suite_add_tcase(suite, each);
	return suite;
}
