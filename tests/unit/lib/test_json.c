/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"

static const char *const accepted[] = {
	"null", "1", "\"x\"", "{}", " [1,2]\n", "{\"a\":{\"a\":1}}",
};

static const struct {
	const char *text;
	enum err_code code;
} refused[] = {
	{ "", ERR_INVALID },
	{ "{", ERR_INVALID },
	{ "[1] 2", ERR_INVALID },
	{ "{\"a\":1,\"a\":2}", ERR_INVALID },
	{ "{\"a\":1,\"\\u0061\":2}", ERR_INVALID }, /* the same key, written in another way */
	{ "\"\xff\"", ERR_INVALID },
	{ "\"\\ud800\"", ERR_INVALID },
	{ "\"\\u0000\"", ERR_INVALID },
	{ "1e999", ERR_INVALID },
	{ "99999999999999999999", ERR_INVALID },
	{ "\"a", ERR_INVALID },
	{ "\"a\\", ERR_INVALID },
};

START_TEST(json_is_accepted)
{
	AUTO(json_drop) json_t *value = NULL;
	struct err err = { 0 };

	ck_assert_msg(json_parse(slice_text(accepted[_i]), &value, &err) == 0, "%s", err.msg);
}
END_TEST

START_TEST(what_is_not_one_json_value_is_refused)
{
	json_t *value = NULL;
	struct err err = { 0 };

	ck_assert_int_eq(json_parse(slice_text(refused[_i].text), &value, &err), -1);
	ck_assert_int_eq(err.code, refused[_i].code);
	ck_assert_ptr_null(value);
}
END_TEST

/* `depth` arrays, one in the other. */
static int parse_nested(size_t depth, struct err *err)
{
	AUTO(buf_done) struct buf text = buf_init(4096);
	AUTO(json_drop) json_t *value = NULL;

	for (size_t i = 0; i < depth; i++)
		buf_puts(&text, "[");
	for (size_t i = 0; i < depth; i++)
		buf_puts(&text, "]");
	return json_parse(buf_slice(&text), &value, err);
}

START_TEST(depth_is_limited)
{
	struct err err = { 0 };

	ck_assert_int_eq(parse_nested(JSON_DEPTH_MAX, &err), 0);
	ck_assert_int_eq(parse_nested(JSON_DEPTH_MAX + 1, &err), -1);
	ck_assert_int_eq(err.code, ERR_LIMIT);
}
END_TEST

START_TEST(brackets_in_strings_do_not_count)
{
	AUTO(buf_done) struct buf text = buf_init(4096);
	AUTO(json_drop) json_t *value = NULL;
	struct err err = { 0 };

	buf_puts(&text, "\"\\\"");
	for (size_t i = 0; i < 2 * JSON_DEPTH_MAX; i++)
		buf_puts(&text, "[");
	buf_puts(&text, "\"");
	ck_assert_int_eq(json_parse(buf_slice(&text), &value, &err), 0);
}
END_TEST

START_TEST(the_number_of_values_is_limited)
{
	AUTO(buf_done) struct buf text = buf_init(1 << 20);
	AUTO(json_drop) json_t *value = NULL;
	struct err err = { 0 };

	buf_puts(&text, "[0");
	for (size_t i = 0; i < JSON_VALUES_MAX; i++)
		buf_puts(&text, ",0");
	buf_puts(&text, "]");
	ck_assert_int_eq(json_parse(buf_slice(&text), &value, &err), -1);
	ck_assert_int_eq(err.code, ERR_LIMIT);
}
END_TEST

static const char whole[] = "{\"a\":[1,\"\\u00e9\\\\\",{\"b\":null}],\"c\":true}";

START_TEST(every_truncation_is_refused)
{
	uint8_t *cut = mem_calloc((size_t)_i, 1); /* exact size: ASan sees one byte too far */
	json_t *value = NULL;
	struct err err = { 0 };

	memcpy(cut, whole, (size_t)_i);
	ck_assert_int_eq(json_parse((struct slice){ cut, (size_t)_i }, &value, &err), -1);
	free(cut);
}
END_TEST

START_TEST(a_null_member_counts_as_absent)
{
	AUTO(json_drop) json_t *object = json_pack("{s:n, s:s, s:b}", "a", "b", "text", "c", 1);

	ck_assert_ptr_null(json_member(object, "a"));
	ck_assert_str_eq(json_member_text(object, "b"), "text");
	ck_assert_ptr_null(json_member_text(object, "c"));
	ck_assert(json_member_true(object, "c"));
	ck_assert(!json_member_true(object, "b"));
	ck_assert_ptr_null(json_member(NULL, "a"));
}
END_TEST

START_TEST(values_are_written_without_white_space)
{
	AUTO(json_drop) json_t *object = json_pack("{s:[i,n], s:s}", "a", 1, "b", "x\"y");
	AUTO(buf_done) struct buf text = buf_init(64);

	json_put(&text, object);
	ck_assert_str_eq(buf_text(&text), "{\"a\":[1,null],\"b\":\"x\\\"y\"}");
}
END_TEST

Suite *json_suite(void);
Suite *json_suite(void)
{
	Suite *suite = suite_create("json");
	TCase *each = tcase_create("json");

	tcase_add_loop_test(each, json_is_accepted, 0, (int)ARRAY_LEN(accepted));
	tcase_add_loop_test(each, what_is_not_one_json_value_is_refused, 0,
			    (int)ARRAY_LEN(refused));
	tcase_add_test(each, depth_is_limited);
	tcase_add_test(each, brackets_in_strings_do_not_count);
	tcase_add_test(each, the_number_of_values_is_limited);
	tcase_add_loop_test(each, every_truncation_is_refused, 0, (int)sizeof(whole) - 1);
	tcase_add_test(each, a_null_member_counts_as_absent);
	tcase_add_test(each, values_are_written_without_white_space);
	suite_add_tcase(suite, each);
	return suite;
}
