/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/default_policy.h"

#define POLICY_TEXT "version: 1\n"

static const struct default_policy policy = { POLICY_TEXT, "webhook", "u-owner" };

static json_t *made(void)
{
	return default_policy_object(&policy, "team", "u-1");
}

START_TEST(one_that_is_made_is_ours_and_intact)
{
	AUTO(json_drop) json_t *map = made();
	const json_t *meta = json_member(map, "metadata");

	ck_assert(default_policy_is_ours(map));
	ck_assert(default_policy_is_intact(&policy, map));
	ck_assert_str_eq(json_member_text(meta, "name"), "openshell-default-policy");
	ck_assert_str_eq(json_member_text(meta, "namespace"), "team");
	ck_assert_str_eq(json_member_text(meta, "uid"), "u-1");
}
END_TEST

START_TEST(a_new_one_names_no_uid)
{
	AUTO(json_drop) json_t *map = default_policy_object(&policy, "team", NULL);

	ck_assert_ptr_null(json_member(json_member(map, "metadata"), "uid"));
}
END_TEST

/* Merged into the metadata, and into the data, of one that was made. */
static const struct {
	const char *meta, *data;
	bool is_ours, is_intact;
} changes[] = {
	{ "{}", "{}", true, true },
	{ "{\"annotations\":{\"a\":\"b\"}}", "{\"more\":\"x\"}", true, true },
	{ "{\"labels\":{}}", "{}", false, false },
	{ "{\"labels\":null}", "{}", false, false },
	{ "{\"labels\":5}", "{}", false, false },
	{ "{\"labels\":{\"app.kubernetes.io/managed-by\":\"Helm\",\"openshell.io/"
	  "policy\":\"true\"}}",
	  "{}", false, true },
	{ "{\"labels\":{\"app.kubernetes.io/managed-by\":\"openshell-webhook\"}}", "{}", true,
	  false },
	{ "{\"ownerReferences\":[]}", "{}", true, false },
	{ "{\"ownerReferences\":[5,{\"uid\":7},{\"uid\":\"another\"}]}", "{}", true, false },
	{ "{\"ownerReferences\":[{\"uid\":\"another\"},{\"uid\":\"u-owner\"}]}", "{}", true, true },
	{ "{}", "{\"policy.yaml\":\"version: 1\"}", true, false },
	{ "{}", "{\"policy.yaml\":null}", true, false },
};

static void merge(json_t *map, const char *key, const char *text)
{
	AUTO(json_drop) json_t *change = NULL;
	struct err err;

	ck_assert_int_eq(json_parse(slice_text(text), &change, &err), 0);
	json_object_update(json_object_get(map, key), change);
}

START_TEST(what_others_change_is_seen_and_what_they_add_is_theirs)
{
	AUTO(json_drop) json_t *map = made();

	merge(map, "metadata", changes[_i].meta);
	merge(map, "data", changes[_i].data);
	ck_assert_int_eq(default_policy_is_ours(map), changes[_i].is_ours);
	ck_assert_int_eq(default_policy_is_intact(&policy, map), changes[_i].is_intact);
}
END_TEST

START_TEST(what_is_no_object_is_neither)
{
	AUTO(json_drop) json_t *text = json_string("x");

	ck_assert(!default_policy_is_ours(text) && !default_policy_is_intact(&policy, text));
	ck_assert(!default_policy_is_ours(NULL) && !default_policy_is_intact(&policy, NULL));
}
END_TEST

START_TEST(only_the_one_that_was_seen_is_removed)
{
	AUTO(json_drop) json_t *removal = default_policy_removal("u-1");

	ck_assert_str_eq(json_member_text(json_member(removal, "preconditions"), "uid"), "u-1");
}
END_TEST

static const struct {
	const char *text, *refusal; /* NULL: taken */
} texts[] = {
	{ POLICY_TEXT, NULL },
	{ "{\"version\": 1}", NULL },
	{ "", "line 1, column 1: " },
	{ "version: 2\n", "line 1, column " },
	{ "version: 1\nnetwork: {}\n", "line 2, column 1: network: " },
};

START_TEST(a_policy_that_an_agent_would_refuse_is_refused)
{
	struct err err = { 0 };

	int result = default_policy_check(texts[_i].text, &err);
	ck_assert_int_eq(result, texts[_i].refusal == NULL ? 0 : -1);
	if (texts[_i].refusal != NULL)
		ck_assert_msg(strstr(err.msg, texts[_i].refusal) != NULL, "%s", err.msg);
}
END_TEST

START_TEST(its_length_is_bounded)
{
	AUTO(buf_done) struct buf text = buf_init(2 * DEFAULT_POLICY_MAX);
	struct err err = { 0 };

	buf_puts(&text, POLICY_TEXT "#");
	while (text.n < DEFAULT_POLICY_MAX)
		buf_puts(&text, "x");
	ck_assert_int_eq(default_policy_check(buf_text(&text), &err), 0);
	buf_puts(&text, "x");
	ck_assert_int_eq(default_policy_check(buf_text(&text), &err), -1);
	ck_assert_int_eq(err.code, ERR_LIMIT);
}
END_TEST

Suite *default_policy_suite(void);
Suite *default_policy_suite(void)
{
	Suite *suite = suite_create("default_policy");
	TCase *each = tcase_create("default_policy");

	tcase_add_test(each, one_that_is_made_is_ours_and_intact);
	tcase_add_test(each, a_new_one_names_no_uid);
	tcase_add_loop_test(each, what_others_change_is_seen_and_what_they_add_is_theirs, 0,
			    ARRAY_LEN(changes));
	tcase_add_test(each, what_is_no_object_is_neither);
	tcase_add_test(each, only_the_one_that_was_seen_is_removed);
	tcase_add_loop_test(each, a_policy_that_an_agent_would_refuse_is_refused, 0,
			    ARRAY_LEN(texts));
	tcase_add_test(each, its_length_is_bounded);
	suite_add_tcase(suite, each);
	return suite;
}
