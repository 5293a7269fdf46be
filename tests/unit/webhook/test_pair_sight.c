/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/pair_sight.h"

#define UID "0d6a2c0e-5f0b-4a51-9a6e-3f1f5a4b7c01"
#define ROLE "\"openshell.io/sandbox-role\":\"agent\""
/* As long as one, and of the same characters: a name that nothing keeps people from using. */
#define NO_UID "000000000000000000000000000000000001"
#define ID "\"openshell.io/sandbox-id\":\"" UID "\""
#define OURS "\"app.kubernetes.io/managed-by\":\"openshell-webhook\""
#define HEAD(name) \
	"\"namespace\":\"shop\",\"resourceVersion\":\"7\",\"uid\":\"" UID "\",\"name\":\"" name "\""
#define OWNER                                                                  \
	"\"ownerReferences\":[{\"uid\":\"x\",\"name\":\"no\"},{\"uid\":\"" UID \
	"\",\"name\":\"web-1\"}]"

static json_t *parse(const char *text)
{
	struct err err;
	json_t *value = NULL;

	ck_assert_msg(json_parse(slice_text(text), &value, &err) == 0, "%s", err.msg);
	return value;
}

START_TEST(an_agent_pod_is_known_by_its_label_and_bound_by_its_own_id)
{
	static const struct {
		const char *labels;
		bool is_bound;
	} cases[] = {
		{ ROLE, false },
		{ ROLE "," ID, true },
		{ ROLE ",\"openshell.io/sandbox-id\":\"another\"", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(buf_done) struct buf text = buf_init(4096);
		struct pair_sight sight;

		buf_printf(&text, "{" HEAD("web-1") ",\"labels\":{%s}}", cases[i].labels);
		AUTO(json_drop) json_t *metadata = parse(buf_text(&text));
		ck_assert(pair_sight_of_pod(metadata, &sight));
		ck_assert_str_eq(sight.namespace_name, "shop");
		ck_assert_str_eq(sight.uid, UID);
		ck_assert_str_eq(sight.pod, "web-1");
		ck_assert_uint_ne(sight.mark, 0);
		ck_assert_int_eq(sight.is_bound, cases[i].is_bound);
	}
}
END_TEST

START_TEST(what_is_no_agent_pod_is_none)
{
	static const char *const bad[] = {
		"{}",
		"[]",
		"{" HEAD("a") "}",
		"{" HEAD("a") ",\"labels\":{\"openshell.io/sandbox-role\":\"supervisor\"}}",
		"{" HEAD("a") ",\"labels\":{\"openshell.io/sandbox-role\":1}}",
		"{\"namespace\":\"s\",\"resourceVersion\":\"7\",\"uid\":\"x\",\"name\":\"a\","
		"\"labels\":{" ROLE "}}",
		"{\"namespace\":\"s\",\"uid\":\"" UID "\",\"name\":\"a\",\"labels\":{" ROLE "}}",
		"{\"resourceVersion\":\"7\",\"uid\":\"" UID "\",\"name\":\"a\",\"labels\":{" ROLE
		"}}",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO(json_drop) json_t *metadata = parse(bad[i]);
		struct pair_sight sight;

		ck_assert_msg(!pair_sight_of_pod(metadata, &sight), "%s", bad[i]);
	}
}
END_TEST

START_TEST(a_companion_is_known_by_its_name_its_id_and_our_label)
{
	static const struct {
		enum pair_kind kind;
		const char *text, *uid, *pod;
	} cases[] = {
		{ PAIR_EGRESS, "{" HEAD("os-eg-" UID) ",\"labels\":{" OURS "," ID "}," OWNER "}",
		  UID, "web-1" },
		{ PAIR_SERVICE, "{" HEAD("os-svc-" UID) ",\"labels\":{" OURS "," ID "}}", UID,
		  NULL },
		{ PAIR_EGRESS, "{" HEAD("openshell-agent-closed") ",\"labels\":{" OURS "}}", NULL,
		  NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(json_drop) json_t *metadata = parse(cases[i].text);
		struct pair_sight sight;

		ck_assert(pair_sight_of_companion(metadata, cases[i].kind, &sight));
		ck_assert_pstr_eq(sight.uid, cases[i].uid);
		ck_assert_pstr_eq(sight.pod, cases[i].pod);
	}
}
END_TEST

START_TEST(what_only_looks_like_a_companion_is_none)
{
	static const struct {
		enum pair_kind kind;
		const char *text;
	} cases[] = {
		{ PAIR_EGRESS, "{}" },
		{ PAIR_EGRESS, "{" HEAD("os-eg-" UID) ",\"labels\":{" ID "}}" },
		{ PAIR_EGRESS, "{" HEAD("os-eg-" UID) ",\"labels\":{" OURS "}}" },
		{ PAIR_EGRESS, "{" HEAD("os-eg-other") ",\"labels\":{" OURS "," ID "}}" },
		{ PAIR_EGRESS, "{" HEAD("os-ing-" UID) ",\"labels\":{" OURS "," ID "}}" },
		{ PAIR_SERVICE, "{" HEAD("openshell-agent-closed") ",\"labels\":{" OURS "}}" },
		{ PAIR_SERVICE, "{" HEAD("os-svc-x") ",\"labels\":{" OURS
						     ",\"openshell.io/sandbox-id\":\"x\"}}" },
		{ PAIR_SERVICE,
		  "{" HEAD("os-svc-" NO_UID) ",\"labels\":{" OURS
					     ",\"openshell.io/sandbox-id\":\"" NO_UID "\"}}" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(json_drop) json_t *metadata = parse(cases[i].text);
		struct pair_sight sight;

		ck_assert_msg(!pair_sight_of_companion(metadata, cases[i].kind, &sight), "%zu", i);
	}
}
END_TEST

START_TEST(each_state_of_an_object_has_a_mark_of_its_own)
{
	AUTO(json_drop) json_t *one = parse("{\"uid\":\"a\",\"resourceVersion\":\"12\"}");
	AUTO(json_drop) json_t *later = parse("{\"uid\":\"a\",\"resourceVersion\":\"13\"}");
	AUTO(json_drop) json_t *another = parse("{\"uid\":\"b\",\"resourceVersion\":\"12\"}");
	AUTO(json_drop) json_t *none = parse("{\"uid\":\"b\"}");

	ck_assert_uint_eq(pair_sight_mark(one), pair_sight_mark(one));
	ck_assert_uint_ne(pair_sight_mark(one), pair_sight_mark(later));
	ck_assert_uint_ne(pair_sight_mark(one), pair_sight_mark(another));
	ck_assert_uint_eq(pair_sight_mark(none), 0);
	ck_assert_uint_eq(pair_sight_mark(NULL), 0);
}
END_TEST

Suite *pair_sight_suite(void);
Suite *pair_sight_suite(void)
{
	Suite *suite = suite_create("pair_sight");
	TCase *each = tcase_create("pair_sight");

	tcase_add_test(each, an_agent_pod_is_known_by_its_label_and_bound_by_its_own_id);
	tcase_add_test(each, what_is_no_agent_pod_is_none);
	tcase_add_test(each, a_companion_is_known_by_its_name_its_id_and_our_label);
	tcase_add_test(each, what_only_looks_like_a_companion_is_none);
	tcase_add_test(each, each_state_of_an_object_has_a_mark_of_its_own);
	suite_add_tcase(suite, each);
	return suite;
}
