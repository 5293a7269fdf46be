/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "webhook/manifest.h"

/* What becomes of a text, as JSON. */
static const struct {
	const char *text, *want;
} accepted[] = {
	{ "", "[]" },
	{ "# nothing\n", "[]" },
	{ "---\n---\n", "[]" },
	{ "a: 1", "[{\"a\":1}]" },
	{ "a: x\n---\nb: y", "[{\"a\":\"x\"},{\"b\":\"y\"}]" },
	{ "kind: List\nitems: [{a: 1}, {b: 2}]", "[{\"a\":1},{\"b\":2}]" },
	{ "{\"kind\":\"List\",\"items\":[{\"a\":\"\\ud83d\\ude00\"}]}",
	  "[{\"a\":\"\xf0\x9f\x98\x80\"}]" },
	{ "a: [true, yes, Off, ~, null, '']", "[{\"a\":[true,true,false,null,null,\"\"]}]" },
	{ "a: ['1', \"true\", 1.5, -7, 0x10, -0o17, 017, 0b11, 0, 1_0, 1-2, '~']",
	  "[{\"a\":[\"1\",\"true\",1.5,-7,16,-15,15,3,0,\"1_0\",\"1-2\",\"~\"]}]" },
	{ "a: |\n  two\n  lines\n", "[{\"a\":\"two\\nlines\\n\"}]" },
	{ "a: 9223372036854775807", "[{\"a\":9223372036854775807}]" },
};

START_TEST(manifests_become_json)
{
	AUTO(json_drop) json_t *objects = NULL;
	AUTO(buf_done) struct buf text = buf_init(4096);
	struct err err = { 0 };

	ck_assert_msg(manifest_parse(slice_text(accepted[_i].text), &objects, &err) == 0, "%s",
		      err.msg);
	json_put(&text, objects);
	ck_assert_str_eq(buf_text(&text), accepted[_i].want);
}
END_TEST

static const struct {
	const char *text, *reason;
} refused[] = {
	{ "a: [", "line" },
	{ "a: 1\na: 2", "line 2, column 1: a key is given twice" },
	{ "a: &x 1", "anchors" },
	{ "a: &x [1]", "anchors" },
	{ "a: &x {b: 1}", "anchors" },
	{ "a: *x", "alias" },
	{ "a: !!str 1", "tags" },
	{ "[a]: 1", "key" },
	{ "a: {<<: {b: 1}}", "line 1, column 5: a key is a merge" },
	{ "yes: 1", "a key is a merge" },
	{ "a: !!binary eA==", "tags" },
	{ "? &x a\n: 1", "key" },
	{ "a: \"\\ud800\"", "line" },
	{ "%YAML 2.0\n---\na: 1", "line" },
	{ "- a", "not an object" },
	{ "just text", "not an object" },
	{ "a: \"\\0\"", "NUL" },
	{ "{\"a\":1,\"a\":2}", "duplicate" },
	{ "a: \xff", "line" },
	{ "a:\n- 99999999999999999999999", "line 2, column 3: a number that readers" },
	{ "a: 08", "a number that readers" },
	{ "a: 1e999", "a number that readers" },
	{ "a: 1\n---\n- x", "line 3: a document is not an object" },
};

START_TEST(what_kubernetes_would_not_take_is_refused_with_its_place)
{
	json_t *objects = NULL;
	struct err err = { 0 };

	ck_assert_int_eq(manifest_parse(slice_text(refused[_i].text), &objects, &err), -1);
	ck_assert_msg(strstr(err.msg, refused[_i].reason) != NULL, "%s", err.msg);
	ck_assert_ptr_null(objects);
}
END_TEST

START_TEST(depth_is_limited)
{
	AUTO(buf_done) struct buf text = buf_init(1 << 20);
	json_t *objects = NULL;
	struct err err = { 0 };

	buf_puts(&text, "a: ");
	for (int i = 0; i < 100000; i++)
		buf_puts(&text, "[");
	ck_assert_int_eq(manifest_parse(buf_slice(&text), &objects, &err), -1);
	ck_assert_msg(strstr(err.msg, "nested too deep") != NULL, "%s", err.msg);
}
END_TEST

/* A prefix may well be a manifest of its own: what counts is that no byte behind it is read. */
START_TEST(a_truncation_reads_nothing_beyond_its_end)
{
	static const char whole[] = "a: {b: [\"x\\u00e9\", 'y''z']}\nc: >-\n  folded\n  text\n";
	uint8_t *cut = mem_calloc((size_t)_i, 1);
	AUTO(json_drop) json_t *objects = NULL;
	struct err err = { 0 };

	memcpy(cut, whole, (size_t)_i);
	if (manifest_parse((struct slice){ cut, (size_t)_i }, &objects, &err) == -1)
		ck_assert_int_ne(err.code, ERR_NONE);
	free(cut);
}
END_TEST

Suite *manifest_suite(void);
Suite *manifest_suite(void)
{
	Suite *suite = suite_create("manifest");
	TCase *each = tcase_create("manifest");

	tcase_add_loop_test(each, manifests_become_json, 0, (int)ARRAY_LEN(accepted));
	tcase_add_loop_test(each, what_kubernetes_would_not_take_is_refused_with_its_place, 0,
			    (int)ARRAY_LEN(refused));
	tcase_add_test(each, depth_is_limited);
	tcase_add_loop_test(each, a_truncation_reads_nothing_beyond_its_end, 0, 52);
	suite_add_tcase(suite, each);
	return suite;
}
