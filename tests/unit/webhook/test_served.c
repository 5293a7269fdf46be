/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/served.h"

struct texts {
	const char *image, *topology;
	bool by_hostname;
};

static bool parse(struct slice line, struct texts *out)
{
	const struct cmd_option options[] = {
		{ "--agent-image", CMD_TEXT, &out->image, "IMAGE", "" },
		{ "--default-topology", CMD_TEXT, &out->topology, "NAME", "" },
		{ "--by-hostname", CMD_FLAG, &out->by_hostname, NULL, "" },
	};

	return served_parse(line, options, ARRAY_LEN(options));
}

#define LINE(text) ((struct slice){ (const uint8_t *)(text), sizeof(text) })

START_TEST(options_are_taken_in_both_forms_and_others_passed_over)
{
	struct texts texts = { 0 };

	ck_assert(parse(LINE("/openshell-webhook\0serve\0--listen=:8443\0--agent-image=a/b:1\0"
			     "--drain-seconds\0"
			     "3\0--default-topology\0sidecar"),
			&texts));
	ck_assert_str_eq(texts.image, "a/b:1");
	ck_assert_str_eq(texts.topology, "sidecar");
}
END_TEST

START_TEST(a_flag_is_taken_where_it_stands_by_itself)
{
	struct texts texts = { 0 };

	ck_assert(parse(LINE("w\0serve\0--by-hostnames\0--agent-image=a"), &texts));
	ck_assert(!texts.by_hostname);
	ck_assert(parse(LINE("w\0serve\0--by-hostname\0--agent-image=a"), &texts));
	ck_assert(texts.by_hostname);
}
END_TEST

START_TEST(what_was_given_stays)
{
	struct texts texts = { .image = "mine" };

	ck_assert(parse(LINE("w\0serve\0--agent-image=theirs\0--default-topology=none"), &texts));
	ck_assert_str_eq(texts.image, "mine");
	ck_assert_str_eq(texts.topology, "none");
}
END_TEST

START_TEST(an_option_without_its_value_or_with_a_longer_name_is_none)
{
	struct texts texts = { 0 };

	ck_assert(
		parse(LINE("w\0serve\0--default-topologys=sidecar\0--agent-images\0--agent-image"),
		      &texts));
	ck_assert_ptr_null(texts.image);
	ck_assert_ptr_null(texts.topology);
}
END_TEST

START_TEST(another_command_line_is_none)
{
	struct texts texts = { 0 };

	ck_assert(!parse((struct slice){ NULL, 0 }, &texts));
	ck_assert(!parse((struct slice){ (const uint8_t *)"w\0serve", 7 }, &texts));
	ck_assert(!parse(LINE("w"), &texts));
	ck_assert(!parse(LINE("w\0inject\0--agent-image=a"), &texts));
	ck_assert(!parse(LINE("systemd\0--system\0serve\0--agent-image=a"), &texts));
	ck_assert_ptr_null(texts.image);
}
END_TEST

Suite *served_suite(void);
Suite *served_suite(void)
{
	Suite *suite = suite_create("served");
	TCase *each = tcase_create("served");

	tcase_add_test(each, options_are_taken_in_both_forms_and_others_passed_over);
	tcase_add_test(each, a_flag_is_taken_where_it_stands_by_itself);
	tcase_add_test(each, what_was_given_stays);
	tcase_add_test(each, an_option_without_its_value_or_with_a_longer_name_is_none);
	tcase_add_test(each, another_command_line_is_none);
	suite_add_tcase(suite, each);
	return suite;
}
