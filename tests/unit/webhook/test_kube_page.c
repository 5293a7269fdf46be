/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/kube_page.h"

#define HEAD                                             \
	"{\"kind\":\"PodList\",\"apiVersion\":\"v1\","   \
	"\"metadata\":{\"resourceVersion\":\"7\",\"cont" \
	"inue\":\"next\"}"
#define PAGE HEAD ",\"items\":[{\"metadata\":{\"name\":\"a\"}},{}]}\n"

START_TEST(a_page_has_its_pods_and_where_the_next_begins)
{
	AUTO(kube_page_done) struct kube_page page = { 0 };
	struct err err = { 0 };

	ck_assert_int_eq(kube_page_parse(slice_text(PAGE), "PodList", &page, &err), 0);
	ck_assert_str_eq(page.more, "next");
	ck_assert_uint_eq(json_array_size(page.items), 2);
}
END_TEST

START_TEST(the_last_page_says_so_and_may_be_empty)
{
	static const char *const last[] = {
		"{\"kind\":\"PodList\",\"metadata\":{},\"items\":[]}",
		"{\"kind\":\"PodList\",\"metadata\":{\"continue\":\"\"},\"items\":null}",
		"{\"kind\":\"PodList\"}",
	};

	for (size_t i = 0; i < ARRAY_LEN(last); i++) {
		AUTO(kube_page_done) struct kube_page page = { 0 };
		struct err err = { 0 };

		ck_assert_int_eq(kube_page_parse(slice_text(last[i]), "PodList", &page, &err), 0);
		ck_assert_str_eq(page.more, "");
		ck_assert_uint_eq(json_array_size(page.items), 0);
	}
}
END_TEST

START_TEST(what_is_no_page_is_refused)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"kind\":\"NamespaceList\",\"items\":[]}",
		"{\"kind\":\"PodList\",\"items\":[1]}",
		"{\"kind\":\"PodList\",\"items\":[{}]",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct kube_page page;
		struct err err = { 0 };

		ck_assert_msg(kube_page_parse(slice_text(bad[i]), "PodList", &page, &err) == -1,
			      "%s", bad[i]);
		ck_assert_int_eq(err.code, ERR_INVALID);
	}
}
END_TEST

START_TEST(a_page_that_is_too_large_is_passed_over_by_its_metadata)
{
	char more[KUBE_MORE_MAX] = "old";
	struct err err = { 0 };
	size_t head = strlen(HEAD ",\"items\":[");

	for (size_t n = 0; n <= strlen(PAGE); n++) {
		char *cut = malloc(n > 0 ? n : 1);

		memcpy(cut, PAGE, n);
		int result =
			kube_page_skip((struct slice){ (uint8_t *)cut, n }, "PodList", more, &err);
		ck_assert_int_eq(result, n < head ? -1 : 0);
		ck_assert_str_eq(more, n < head ? "old" : "next");
		free(cut);
	}
}
END_TEST

START_TEST(metadata_behind_the_items_or_far_away_is_not_found)
{
	AUTO(buf_done) struct buf far = buf_init(1 << 20);
	char more[KUBE_MORE_MAX] = "old";
	struct err err = { 0 };

	buf_puts(&far, "{\"kind\":\"PodList\",\"x\":\"");
	for (int i = 0; i < 5000; i++)
		buf_puts(&far, "y");
	buf_puts(&far, "\",\"items\":[]}");
	ck_assert_int_eq(kube_page_skip(buf_slice(&far), "PodList", more, &err), -1);
	ck_assert_int_eq(kube_page_skip(slice_text("{\"items\":[],\"kind\":\"PodList\"}"),
					"PodList", more, &err),
			 -1);
	ck_assert_int_eq(kube_page_skip(slice_text("{\"kind\":\"PodList\",\"items\":[],"
						   "\"metadata\":{\"continue\":\"next\"}}"),
					"PodList", more, &err),
			 -1);
	ck_assert_int_eq(
		kube_page_skip(slice_text("{\"kind\":\"PodList\",\"a\":\",\\\"items\\\":[\"}"),
			       "PodList", more, &err),
		-1);
	ck_assert_str_eq(more, "old");
}
END_TEST

Suite *kube_page_suite(void);
Suite *kube_page_suite(void)
{
	Suite *suite = suite_create("kube_page");
	TCase *each = tcase_create("kube_page");

	tcase_add_test(each, a_page_has_its_pods_and_where_the_next_begins);
	tcase_add_test(each, the_last_page_says_so_and_may_be_empty);
	tcase_add_test(each, what_is_no_page_is_refused);
	tcase_add_test(each, a_page_that_is_too_large_is_passed_over_by_its_metadata);
	tcase_add_test(each, metadata_behind_the_items_or_far_away_is_not_found);
	suite_add_tcase(suite, each);
	return suite;
}
