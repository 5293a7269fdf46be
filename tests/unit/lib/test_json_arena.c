/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/json_arena.h"

enum { MANY = 20000 }; /* more than the first chunk holds */

static void init(void)
{
	json_arena_init();
}

static void restore(void)
{
	json_set_alloc_funcs(malloc, free);
}

START_TEST(values_of_an_arena_are_as_good_as_any)
{
	AUTO(buf_done) struct buf text = buf_init(1 << 20);

	json_arena_begin();
	json_t *array = json_array();
	for (int i = 0; i < MANY; i++)
		json_array_append_new(array, json_pack("{s:i}", "key", i));
	for (size_t i = 0; i < MANY; i++)
		ck_assert_int_eq(json_integer_value(
					 json_object_get(json_array_get(array, i), "key")),
				 (int)i);
	json_put(&text, json_array_get(array, MANY - 1));
	json_arena_drop(array);
	json_arena_end();
	ck_assert_str_eq(buf_text(&text), "{\"key\":19999}");
}
END_TEST

START_TEST(values_made_before_outlive_an_arena_and_can_be_released_in_it)
{
	json_t *kept = json_pack("{s:s}", "a", "kept"), *dropped = json_string("dropped");

	json_arena_begin();
	json_decref(dropped);
	json_t *other = json_string("other");
	json_decref(other);
	json_arena_end();
	ck_assert_str_eq(json_member_text(kept, "a"), "kept");
	json_decref(kept);
}
END_TEST

START_TEST(an_arena_begins_empty_each_time)
{
	void *first = NULL;

	for (int i = 0; i < 3; i++) {
		json_arena_begin();
		json_t *value = json_string("x");
		if (i == 0)
			first = value;
		ck_assert_ptr_eq(value, first);
		json_arena_end();
	}
}
END_TEST

START_TEST(a_large_value_gets_a_chunk_of_its_own)
{
	AUTO_FREE char *text = calloc(1, 2 << 20);

	memset(text, 'x', (2 << 20) - 1);
	json_arena_begin();
	json_t *value = json_string(text);
	ck_assert_uint_eq(json_string_length(value), (2 << 20) - 1);
	ck_assert_str_eq(json_string_value(value), text);
	json_arena_end();
}
END_TEST

Suite *json_arena_suite(void);
Suite *json_arena_suite(void)
{
	Suite *suite = suite_create("json_arena");
	TCase *each = tcase_create("json_arena");

	tcase_add_checked_fixture(each, init, restore);
	tcase_add_test(each, values_of_an_arena_are_as_good_as_any);
	tcase_add_test(each, values_made_before_outlive_an_arena_and_can_be_released_in_it);
	tcase_add_test(each, an_arena_begins_empty_each_time);
	tcase_add_test(each, a_large_value_gets_a_chunk_of_its_own);
	suite_add_tcase(suite, each);
	return suite;
}
