/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/kube_change.h"

#define OBJECT "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"12\"}}"
#define LINE(type) "{\"type\":\"" type "\",\"object\":" OBJECT "}"

START_TEST(a_line_says_what_became_of_an_object)
{
	static const struct {
		const char *line;
		enum kube_change_type type;
	} cases[] = {
		{ LINE("ADDED"), KUBE_CHANGE_SET },
		{ LINE("MODIFIED"), KUBE_CHANGE_SET },
		{ LINE("DELETED"), KUBE_CHANGE_DELETED },
		{ LINE("BOOKMARK"), KUBE_CHANGE_BOOKMARK },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(kube_change_done) struct kube_change change = { 0 };
		struct err err;

		ck_assert_int_eq(kube_change_parse(slice_text(cases[i].line), &change, &err), 0);
		ck_assert_int_eq(change.type, cases[i].type);
		ck_assert_str_eq(change.version, "12");
		ck_assert_str_eq(json_member_text(json_member(change.object, "metadata"), "name"),
				 "a");
	}
}
END_TEST

START_TEST(a_version_that_is_too_old_is_told_from_other_errors)
{
	AUTO(kube_change_done) struct kube_change change = { 0 };
	struct err err;

	ck_assert_int_eq(
		kube_change_parse(slice_text("{\"type\":\"ERROR\",\"object\":{\"code\":410}}"),
				  &change, &err),
		0);
	ck_assert_int_eq(change.type, KUBE_CHANGE_EXPIRED);
	struct kube_change none;
	ck_assert_int_eq(kube_change_parse(slice_text("{\"type\":\"ERROR\",\"object\":{\"code\":"
						      "500,\"message\":\"etcd is away\"}}"),
					   &none, &err),
			 -1);
	ck_assert_ptr_nonnull(strstr(err.msg, "etcd is away"));
}
END_TEST

START_TEST(what_is_no_event_is_refused)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"type\":\"ADDED\"}",
		"{\"object\":" OBJECT "}",
		LINE("added"),
		"{\"type\":\"ADDED\",\"object\":{}}",
		"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"resourceVersion\":\"\"}}}",
		"{\"type\":1,\"object\":" OBJECT "}",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct kube_change change;
		struct err err = { 0 };

		ck_assert_msg(kube_change_parse(slice_text(bad[i]), &change, &err) == -1, "%s",
			      bad[i]);
		ck_assert_int_eq(err.code, ERR_INVALID);
	}
}
END_TEST

START_TEST(a_line_that_is_cut_anywhere_is_refused)
{
	for (size_t n = 0; n < strlen(LINE("ADDED")); n++) {
		char *cut = malloc(n > 0 ? n : 1);
		struct kube_change change;
		struct err err;

		memcpy(cut, LINE("ADDED"), n);
		ck_assert_int_eq(kube_change_parse((struct slice){ (uint8_t *)cut, n }, &change,
						   &err),
				 -1);
		free(cut);
	}
}
END_TEST

Suite *kube_change_suite(void);
Suite *kube_change_suite(void)
{
	Suite *suite = suite_create("kube_change");
	TCase *each = tcase_create("kube_change");

	tcase_add_test(each, a_line_says_what_became_of_an_object);
	tcase_add_test(each, a_version_that_is_too_old_is_told_from_other_errors);
	tcase_add_test(each, what_is_no_event_is_refused);
	tcase_add_test(each, a_line_that_is_cut_anywhere_is_refused);
	suite_add_tcase(suite, each);
	return suite;
}
