/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/choices.h"
#include "webhook/names.h"

static const struct {
	const char *text;
	uint32_t min;
	bool valid;
	uint32_t want;
} ids[] = {
	{ "1", 1, true, 1 },
	{ "0", 0, true, 0 },
	{ "4294967294", 1, true, ID_MAX },
	{ "0", 1, false, 0 },
	{ "999", 1000, false, 0 },
	{ "4294967295", 1, false, 0 },
	{ "18446744073709551617", 1, false, 0 }, /* 2^64 + 1 */
	{ "", 0, false, 0 },
	{ "01", 1, false, 0 },
	{ "+1", 1, false, 0 },
	{ "-1", 1, false, 0 },
	{ " 1", 1, false, 0 },
	{ "1 ", 1, false, 0 },
	{ "0x10", 1, false, 0 },
};

START_TEST(ids_are_plain_decimals_in_range)
{
	uint32_t got = 0;

	ck_assert_int_eq(choices_parse_id(ids[_i].text, ids[_i].min, &got), ids[_i].valid);
	ck_assert_uint_eq(got, ids[_i].want);
}
END_TEST

static const struct {
	const char *text;
	bool valid;
} names[] = {
	{ "a", true },     { "demo-policy", true }, { "a.b-c.9", true }, { "", false },
	{ "-a", false },   { "a-", false },         { "a..b", false },   { ".a", false },
	{ "a.", false },   { "A", false },          { "a_b", false },    { "a/b", false },
	{ "a.-b", false }, { "a b", false },
};

START_TEST(object_names_are_those_of_kubernetes)
{
	ck_assert_int_eq(choices_is_object_name(names[_i].text), names[_i].valid);
}
END_TEST

START_TEST(object_names_have_at_most_253_characters)
{
	char name[255];

	memset(name, 'a', sizeof(name));
	name[253] = '\0';
	ck_assert(choices_is_object_name(name));
	name[253] = 'a';
	name[254] = '\0';
	ck_assert(!choices_is_object_name(name));
}
END_TEST

static const struct {
	const char *list, *word;
	bool want;
} lists[] = {
	{ "a,b", "b", true },   { "a , b ", "b", true }, { "ab", "a", false },
	{ "a,bc", "b", false }, { "", "", true },        { "a", "", false },
	{ "a,,b", "", true },   { " a", "a", true },     { "a b", "a", false },
};

START_TEST(lists_are_searched_by_whole_words)
{
	ck_assert_int_eq(choices_list_has(lists[_i].list, ',', lists[_i].word), lists[_i].want);
}
END_TEST

Suite *choices_suite(void);
Suite *choices_suite(void)
{
	Suite *suite = suite_create("choices");
	TCase *each = tcase_create("choices");

	tcase_add_loop_test(each, ids_are_plain_decimals_in_range, 0, (int)ARRAY_LEN(ids));
	tcase_add_loop_test(each, object_names_are_those_of_kubernetes, 0, (int)ARRAY_LEN(names));
	tcase_add_test(each, object_names_have_at_most_253_characters);
	tcase_add_loop_test(each, lists_are_searched_by_whole_words, 0, (int)ARRAY_LEN(lists));
	suite_add_tcase(suite, each);
	return suite;
}
