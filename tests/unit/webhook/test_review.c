/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "webhook/review.h"

#define HEAD "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"request\":"
#define PODS "\"resource\":{\"group\":\"\",\"version\":\"v1\",\"resource\":\"pods\"}"

static const char whole[] = HEAD
	"{\"uid\":\"u\"," PODS ",\"operation\":\"CREATE\",\"namespace\":\"team\","
	"\"userInfo\":{\"username\":\"jo\"},\"object\":{\"metadata\":{\"namespace\":\"other\"}},"
	"\"oldObject\":null,\"dryRun\":false,\"options\":{\"kind\":\"CreateOptions\"}}}";

START_TEST(a_review_is_decoded)
{
	AUTO(review_done) struct review review = { 0 };
	struct err err = { 0 };

	ck_assert_msg(review_decode(slice_text(whole), &review, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(review.uid, "u");
	ck_assert_str_eq(review.operation, "CREATE");
	ck_assert_str_eq(review.namespace_name, "team");
	ck_assert_str_eq(review.username, "jo");
	ck_assert_str_eq(review.subresource, "");
	ck_assert_ptr_nonnull(review.object);
	ck_assert(review_is_pod(&review));
}
END_TEST

START_TEST(the_namespace_of_the_object_stands_in_for_an_absent_one)
{
	AUTO(review_done) struct review review = { 0 };
	struct err err = { 0 };

	ck_assert(review_decode(slice_text(HEAD
					   "{\"uid\":\"u\"," PODS ",\"operation\":\"CREATE\","
					   "\"object\":{\"metadata\":{\"namespace\":\"other\"}}}}"),
				&review, &err) == 0);
	ck_assert_str_eq(review.namespace_name, "other");
}
END_TEST

static const struct {
	const char *body, *reason;
} refused[] = {
	{ "", "line 1" },
	{ "[]", "the document is not an object" },
	{ "{}", "apiVersion" },
	{ "{\"apiVersion\":\"admission.k8s.io/v1beta1\",\"kind\":\"AdmissionReview\"}",
	  "apiVersion" },
	{ "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"Pod\"}", "kind" },
	{ "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\"}",
	  "request is missing" },
	{ HEAD "[]}", "request is not an object" },
	{ HEAD "{" PODS ",\"operation\":\"CREATE\"}}", "request.uid is missing" },
	{ HEAD "{\"uid\":7," PODS ",\"operation\":\"CREATE\"}}", "request.uid is not a string" },
	{ HEAD "{\"uid\":\"\"," PODS ",\"operation\":\"CREATE\"}}", "request.uid is missing" },
	{ HEAD "{\"uid\":\"u\"," PODS "}}", "request.operation is missing" },
	{ HEAD "{\"uid\":\"u\",\"operation\":\"CREATE\"}}",
	  "request.resource.resource is missing" },
	{ HEAD "{\"uid\":\"u\"," PODS ",\"operation\":\"CREATE\",\"object\":\"pod\"}}",
	  "request.object is not an object" },
	{ HEAD "{\"uid\":\"u\"," PODS ",\"operation\":\"CREATE\",\"object\":{\"metadata\":{"
	       "\"namespace\":[]}}}}",
	  "request.object.metadata.namespace is not a string" },
	{ HEAD "{\"uid\":\"u\",\"uid\":\"v\"," PODS ",\"operation\":\"CREATE\"}}", "duplicate" },
};

START_TEST(what_is_no_review_is_refused_with_its_place)
{
	struct review review = { 0 };
	struct err err = { 0 };

	ck_assert_int_eq(review_decode(slice_text(refused[_i].body), &review, &err), -1);
	ck_assert_msg(strstr(err.msg, refused[_i].reason) != NULL, "%s", err.msg);
	ck_assert_ptr_null(review.root);
}
END_TEST

START_TEST(a_uid_is_not_echoed_at_any_length)
{
	AUTO(buf_done) struct buf body = buf_init(4096);
	struct review review = { 0 };
	struct err err = { 0 };

	buf_puts(&body, HEAD "{\"uid\":\"");
	for (size_t i = 0; i <= REVIEW_UID_MAX; i++)
		buf_puts(&body, "u");
	buf_puts(&body, "\"," PODS ",\"operation\":\"CREATE\"}}");
	ck_assert_int_eq(review_decode(buf_slice(&body), &review, &err), -1);
}
END_TEST

START_TEST(every_truncation_is_refused)
{
	uint8_t *cut = mem_calloc((size_t)_i, 1); /* exact size: ASan sees one byte too far */
	struct review review = { 0 };
	struct err err = { 0 };

	memcpy(cut, whole, (size_t)_i);
	ck_assert_int_eq(review_decode((struct slice){ cut, (size_t)_i }, &review, &err), -1);
	free(cut);
}
END_TEST

Suite *review_suite(void);
Suite *review_suite(void)
{
	Suite *suite = suite_create("review");
	TCase *each = tcase_create("review");

	tcase_add_test(each, a_review_is_decoded);
	tcase_add_test(each, the_namespace_of_the_object_stands_in_for_an_absent_one);
	tcase_add_loop_test(each, what_is_no_review_is_refused_with_its_place, 0,
			    (int)ARRAY_LEN(refused));
	tcase_add_test(each, a_uid_is_not_echoed_at_any_length);
	tcase_add_loop_test(each, every_truncation_is_refused, 0, (int)sizeof(whole) - 1);
	suite_add_tcase(suite, each);
	return suite;
}
