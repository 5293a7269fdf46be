/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "lib/cleanup.h"
#include "webhook/patch.h"

static void expect_patch(const struct edits *edits, const char *want)
{
	AUTO(buf_done) struct buf text = buf_init(4096);
	struct err err = { 0 };

	ck_assert_int_eq(patch_encode(edits, &text, &err), 0);
	ck_assert_str_eq(buf_text(&text), want);
}

START_TEST(what_is_as_wanted_gives_no_edit)
{
	AUTO(edits_done) struct edits edits = { 0 };
	AUTO(json_drop) json_t *have = json_pack("{s:i, s:[s]}", "a", 1, "list", "x");

	edits_set(&edits, "/a", json_member(have, "a"), json_integer(1));
	edits_merge(&edits, "", have, json_pack("{s:i}", "a", 1));
	edits_append(&edits, "/list", json_member(have, "list"), json_pack("[s]", "x"));
	expect_patch(&edits, "[]");
}
END_TEST

START_TEST(absent_is_added_and_different_is_replaced)
{
	AUTO(edits_done) struct edits edits = { 0 };
	AUTO(json_drop) json_t *one = json_integer(1);

	edits_set(&edits, "/a", NULL, json_integer(2));
	edits_set(&edits, "/b", one, json_integer(2));
	edits_remove(&edits, "/c/0");
	expect_patch(&edits, "[{\"op\":\"add\",\"path\":\"/a\",\"value\":2},"
			     "{\"op\":\"replace\",\"path\":\"/b\",\"value\":2},"
			     "{\"op\":\"remove\",\"path\":\"/c/0\"}]");
}
END_TEST

START_TEST(member_names_are_escaped_in_pointers)
{
	AUTO(edits_done) struct edits edits = { 0 };
	AUTO(json_drop) json_t *have = json_object();

	edits_merge(&edits, "/m", have, json_pack("{s:i, s:i}", "a/b~c", 1, "q\"\n", 2));
	expect_patch(&edits, "[{\"op\":\"add\",\"path\":\"/m/a~1b~0c\",\"value\":1},"
			     "{\"op\":\"add\",\"path\":\"/m/q\\\"\\n\",\"value\":2}]");
}
END_TEST

START_TEST(an_absent_parent_is_added_whole)
{
	AUTO(edits_done) struct edits edits = { 0 };

	edits_merge(&edits, "/m", NULL, json_pack("{s:i}", "a/b", 1));
	edits_append(&edits, "/l", NULL, json_pack("[i]", 1));
	expect_patch(&edits, "[{\"op\":\"add\",\"path\":\"/m\",\"value\":{\"a/b\":1}},"
			     "{\"op\":\"add\",\"path\":\"/l\",\"value\":[1]}]");
}
END_TEST

START_TEST(a_patch_larger_than_its_buffer_fails)
{
	AUTO(edits_done) struct edits edits = { 0 };
	AUTO(buf_done) struct buf text = buf_init(16);
	struct err err = { 0 };

	edits_add(&edits, "/a", json_string("0123456789"));
	ck_assert_int_eq(patch_encode(&edits, &text, &err), -1);
	ck_assert_int_eq(err.code, ERR_LIMIT);
}
END_TEST

Suite *patch_suite(void);
Suite *patch_suite(void)
{
	Suite *suite = suite_create("patch");
	TCase *each = tcase_create("patch");

	tcase_add_test(each, what_is_as_wanted_gives_no_edit);
	tcase_add_test(each, absent_is_added_and_different_is_replaced);
	tcase_add_test(each, member_names_are_escaped_in_pointers);
	tcase_add_test(each, an_absent_parent_is_added_whole);
	tcase_add_test(each, a_patch_larger_than_its_buffer_fails);
	suite_add_tcase(suite, each);
	return suite;
}
