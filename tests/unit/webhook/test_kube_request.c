/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "lib/cleanup.h"
#include "webhook/kube_request.h"

static const struct {
	struct kube_request request;
	const char *method, *content_type, *target;
} verb_cases[] = {
	{ { KUBE_GET, .target = "/a" }, "GET", NULL, "/a" },
	{ { KUBE_CREATE, .target = "/a" },
	  "POST",
	  "application/json",
	  "/a?fieldManager=openshell-webhook" },
	{ { KUBE_REPLACE, .target = "/a?x=1" },
	  "PUT",
	  "application/json",
	  "/a?x=1&fieldManager=openshell-webhook" },
	{ { KUBE_PATCH_STRATEGIC, .target = "/a" },
	  "PATCH",
	  "application/strategic-merge-patch+json",
	  "/a?fieldManager=openshell-webhook" },
	{ { KUBE_PATCH_MERGE, .target = "/a", .manager = "m" },
	  "PATCH",
	  "application/merge-patch+json",
	  "/a?fieldManager=m" },
	{ { KUBE_APPLY, .target = "/a", .manager = "m" },
	  "PATCH",
	  "application/apply-patch+yaml",
	  "/a?force=true&fieldManager=m" },
	{ { KUBE_OFFER, .target = "/a", .manager = "m" },
	  "PATCH",
	  "application/apply-patch+yaml",
	  "/a?fieldManager=m" },
	{ { KUBE_DELETE, .target = "/a?x=1" }, "DELETE", "application/json", "/a?x=1" },
};

START_TEST(each_verb_has_its_method_type_and_query)
{
	const struct kube_request *request = &verb_cases[_i].request;
	AUTO(buf_done) struct buf target = buf_init(200);

	kube_request_put_target(request, &target);
	ck_assert_str_eq(kube_verb_method(request->verb), verb_cases[_i].method);
	ck_assert_pstr_eq(kube_verb_content_type(request->verb), verb_cases[_i].content_type);
	ck_assert_str_eq(buf_text(&target), verb_cases[_i].target);
}
END_TEST

static const struct {
	long status;
	const char *reason, *want;
} outcome_cases[] = {
	{ 0, NULL, "unreached" },
	{ 200, NULL, "done" },
	{ 201, NULL, "done" },
	{ 404, "NotFound", "absent" },
	{ 409, "AlreadyExists", "exists" },
	{ 409, "Conflict", "conflict" },
	{ 409, NULL, "conflict" },
	{ 410, "Expired", "gone" },
	{ 429, "TooManyRequests", "busy" },
	{ 503, NULL, "busy" },
	{ 504, "Timeout", "busy" },
	{ 401, "Unauthorized", "forbidden" },
	{ 403, "Forbidden", "forbidden" },
	{ 422, "Invalid", "invalid" },
	{ 400, "AlreadyExists", "invalid" },
	{ 500, "InternalError", "failed" },
	{ 301, NULL, "failed" },
	{ 100, NULL, "failed" },
	{ 999, NULL, "failed" },
};

START_TEST(what_a_status_means_follows_the_table)
{
	enum kube_outcome outcome =
		kube_outcome_of(outcome_cases[_i].status, outcome_cases[_i].reason);

	ck_assert_str_eq(kube_outcome_name(outcome), outcome_cases[_i].want);
}
END_TEST

START_TEST(every_text_of_a_wiped_object_is_gone)
{
	json_t *object =
		json_pack("{s:s, s:{s:[s, i, s]}}", "a", "first", "b", "c", "second", 1, "third");
	json_t *kept[] = {
		json_incref(json_object_get(object, "a")),
		json_incref(json_array_get(json_object_get(json_object_get(object, "b"), "c"), 2)),
	};

	kube_object_wipe(&object);
	ck_assert_ptr_null(object);
	for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
		for (size_t at = 0; at < json_string_length(kept[i]); at++)
			ck_assert_int_eq(json_string_value(kept[i])[at], '\0');
		json_decref(kept[i]);
	}
	kube_object_wipe(&object);
}
END_TEST

Suite *kube_request_suite(void);
Suite *kube_request_suite(void)
{
	Suite *suite = suite_create("kube_request");
	TCase *each = tcase_create("kube_request");

	tcase_add_loop_test(each, each_verb_has_its_method_type_and_query, 0,
			    ARRAY_LEN(verb_cases));
	tcase_add_loop_test(each, what_a_status_means_follows_the_table, 0,
			    ARRAY_LEN(outcome_cases));
	tcase_add_test(each, every_text_of_a_wiped_object_is_gone);
	suite_add_tcase(suite, each);
	return suite;
}
