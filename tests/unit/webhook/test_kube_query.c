/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "lib/cleanup.h"
#include "webhook/kube_query.h"

#define SELECTOR "&labelSelector=openshell.io%2Finjection"

START_TEST(a_list_asks_for_a_page_of_opted_in_namespaces)
{
	AUTO(buf_done) struct buf first = buf_init(1000);
	AUTO(buf_done) struct buf next = buf_init(1000);

	kube_query_list(&first, 100, "");
	ck_assert_str_eq(buf_text(&first), "/api/v1/namespaces?limit=100" SELECTOR);
	kube_query_list(&next, 1, "eyJ2+/=&x");
	ck_assert_str_eq(buf_text(&next),
			 "/api/v1/namespaces?limit=1" SELECTOR "&continue=eyJ2%2B%2F%3D%26x");
}
END_TEST

#define ALIVE "&fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed"

START_TEST(pods_are_asked_for_by_the_page_of_one_namespace_or_all)
{
	AUTO(buf_done) struct buf all = buf_init(1000);
	AUTO(buf_done) struct buf one = buf_init(1000);

	kube_query_pods(&all, NULL, 25, "");
	ck_assert_str_eq(buf_text(&all), "/api/v1/pods?limit=25" ALIVE);
	kube_query_pods(&one, "../a", 1, "x=");
	ck_assert_str_eq(buf_text(&one),
			 "/api/v1/namespaces/..%2Fa/pods?limit=1" ALIVE "&continue=x%3D");
}
END_TEST

START_TEST(config_maps_that_we_made_are_asked_for_by_their_name)
{
	AUTO(buf_done) struct buf target = buf_init(1000);

	kube_query_maps(&target, "a&b", 2, "x=");
	ck_assert_str_eq(
		buf_text(&target),
		"/api/v1/configmaps?limit=2&fieldSelector=metadata.name%3Da%26b"
		"&labelSelector=app.kubernetes.io%2Fmanaged-by%3Dopenshell-webhook&continue=x%3D");
}
END_TEST

START_TEST(a_watch_begins_behind_a_version)
{
	AUTO(buf_done) struct buf target = buf_init(1000);

	kube_query_watch(&target, "12&watch=0\n");
	ck_assert_str_eq(
		buf_text(&target),
		"/api/v1/namespaces?watch=1&allowWatchBookmarks=true&timeoutSeconds=290" SELECTOR
		"&resourceVersion=12%26watch%3D0%0A");
}
END_TEST

START_TEST(each_failure_doubles_the_wait_up_to_a_maximum)
{
	ck_assert_int_eq(kube_query_retry_ms(1, 0), 250);
	ck_assert_int_eq(kube_query_retry_ms(1, 250), 500);
	ck_assert_int_eq(kube_query_retry_ms(2, 0), 500);
	ck_assert_int_eq(kube_query_retry_ms(7, 0), KUBE_RETRY_MAX_MS / 2);
	for (unsigned int failures = 1; failures < 100; failures++)
		for (uint32_t i = 0; i < 1000; i++) {
			int64_t ms = kube_query_retry_ms(failures, i * 4294967);

			ck_assert_int_ge(ms, KUBE_RETRY_MIN_MS / 2);
			ck_assert_int_le(ms, KUBE_RETRY_MAX_MS);
		}
	ck_assert_int_le(kube_query_retry_ms(UINT32_MAX, UINT32_MAX), KUBE_RETRY_MAX_MS);
}
END_TEST

Suite *kube_query_suite(void);
Suite *kube_query_suite(void)
{
	Suite *suite = suite_create("kube_query");
	TCase *each = tcase_create("kube_query");

	tcase_add_test(each, a_list_asks_for_a_page_of_opted_in_namespaces);
	tcase_add_test(each, pods_are_asked_for_by_the_page_of_one_namespace_or_all);
	tcase_add_test(each, config_maps_that_we_made_are_asked_for_by_their_name);
	tcase_add_test(each, a_watch_begins_behind_a_version);
	tcase_add_test(each, each_failure_doubles_the_wait_up_to_a_maximum);
	suite_add_tcase(suite, each);
	return suite;
}
