/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/namespaces.h"

START_TEST(namespaces_are_found_by_name)
{
	AUTO(namespaces_done) struct namespaces known = { 0 };
	struct err err = { 0 };

	ck_assert_msg(
		namespaces_parse(slice_text("kind: Namespace\nmetadata: {name: b, labels: {x: y}}\n"
					    "---\nkind: Namespace\nmetadata: {name: a}\n"),
				 &known, &err) == 0,
		"%s", err.msg);
	ck_assert_uint_eq(known.n, 2);
	ck_assert_str_eq(json_member_text(namespaces_find(&known, "b")->labels, "x"), "y");
	ck_assert_ptr_null(namespaces_find(&known, "a")->labels);
	ck_assert_ptr_null(namespaces_find(&known, "c"));
	ck_assert_ptr_null(namespaces_find(&known, ""));
}
END_TEST

START_TEST(none_is_known_where_there_are_none)
{
	AUTO(namespaces_done) struct namespaces known = { 0 };
	struct err err = { 0 };

	ck_assert_int_eq(namespaces_parse(slice_text(""), &known, &err), 0);
	ck_assert_ptr_null(namespaces_find(&known, "a"));
}
END_TEST

static void note(void *cls, const char *name)
{
	strcat(cls, name);
}

START_TEST(what_differs_is_told_of_each_namespace)
{
	AUTO(namespaces_done) struct namespaces before = { 0 }, after = { 0 };
	struct err err = { 0 };
	char told[16] = "";

#define NAMESPACE(more) "---\nkind: Namespace\nmetadata: {" more "}\n"
	ck_assert_int_eq(namespaces_parse(slice_text(NAMESPACE("name: a") NAMESPACE("name: b")
							     NAMESPACE("name: d, labels: {x: y}")
								     NAMESPACE("name: e")),
					  &before, &err),
			 0);
	ck_assert_int_eq(namespaces_parse(slice_text(NAMESPACE("name: b") NAMESPACE("name: c")
							     NAMESPACE("name: d, labels: {x: z}")
								     NAMESPACE("name: e")),
					  &after, &err),
			 0);
#undef NAMESPACE
	namespaces_compare(&before, &after, note, told);
	ck_assert_str_eq(told, "acd");
	namespaces_compare(&after, &after, note, told);
	ck_assert_str_eq(told, "acd");
}
END_TEST

static const struct {
	const char *text, *reason;
} refused[] = {
	{ "kind: Pod\nmetadata: {name: a}", "object 1: kind is not Namespace" },
	{ "metadata: {name: a}", "kind is not Namespace" },
	{ "kind: Namespace", "metadata.name is missing" },
	{ "kind: Namespace\nmetadata: {name: a}\n---\nkind: Namespace\nmetadata: {name: a}",
	  "twice" },
	{ "kind: Namespace\nmetadata: {name: a, labels: {openshell.io/injection: true}}",
	  "metadata.labels.openshell.io/injection is not a string" },
	{ "kind: Namespace\nmetadata: {name: a, labels: {x: ~}}", "is not a string" },
	{ "kind: Namespace\nmetadata: {name: a, annotations: []}", "annotations is not an object" },
};

START_TEST(what_is_no_namespace_is_refused)
{
	struct namespaces known = { 0 };
	struct err err = { 0 };

	ck_assert_int_eq(namespaces_parse(slice_text(refused[_i].text), &known, &err), -1);
	ck_assert_msg(strstr(err.msg, refused[_i].reason) != NULL, "%s", err.msg);
	ck_assert_ptr_null(known.owner);
}
END_TEST

Suite *namespaces_suite(void);
Suite *namespaces_suite(void)
{
	Suite *suite = suite_create("namespaces");
	TCase *each = tcase_create("namespaces");

	tcase_add_test(each, namespaces_are_found_by_name);
	tcase_add_test(each, none_is_known_where_there_are_none);
	tcase_add_test(each, what_differs_is_told_of_each_namespace);
	tcase_add_loop_test(each, what_is_no_namespace_is_refused, 0, (int)ARRAY_LEN(refused));
	suite_add_tcase(suite, each);
	return suite;
}
