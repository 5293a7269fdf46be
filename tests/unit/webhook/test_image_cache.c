/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>

#include "lib/cleanup.h"
#include "webhook/image_cache.h"
#include "webhook/image_wants.h"

static struct image_facts *make(const char *user)
{
	struct image_facts *facts = image_facts_new();

	free(facts->user);
	facts->user = strdup(user);
	return facts;
}

START_TEST(what_was_learnt_is_known_until_its_time_is_over)
{
	AUTO(image_cache_done) struct image_cache cache = image_cache_init();
	AUTO(image_facts_drop) struct image_facts *facts = make("app");
	AUTO(image_facts_drop) struct image_facts *found = NULL;
	struct image_facts *late = NULL;
	struct err err = { 0 };

	image_cache_put(&cache, "a", facts, NULL, 100);
	ck_assert(image_cache_find(&cache, "a", 99, &found, &err));
	ck_assert_ptr_eq(found, facts);
	ck_assert(!image_cache_find(&cache, "a", 100, &late, &err));
	ck_assert(!image_cache_find(&cache, "b", 0, &late, &err));
	ck_assert_ptr_null(late);
}
END_TEST

START_TEST(a_failure_is_known_with_its_reason_and_gives_way_to_what_is_learnt_later)
{
	AUTO(image_cache_done) struct image_cache cache = image_cache_init();
	AUTO(image_facts_drop) struct image_facts *facts = make("app");
	AUTO(image_facts_drop) struct image_facts *found = NULL;
	struct err failed = { 0 }, err = { 0 };

	err_set(&failed, ERR_LIMIT, "asked too often");
	image_cache_put(&cache, "a", NULL, &failed, 100);
	ck_assert(image_cache_find(&cache, "a", 0, &found, &err));
	ck_assert_ptr_null(found);
	ck_assert_int_eq(err.code, ERR_LIMIT);
	ck_assert_str_eq(err.msg, "asked too often");
	image_cache_put(&cache, "a", facts, NULL, 100);
	ck_assert(image_cache_find(&cache, "a", 0, &found, &err));
	ck_assert_ptr_eq(found, facts);
}
END_TEST

START_TEST(no_more_are_kept_than_there_may_be)
{
	AUTO(image_cache_done) struct image_cache cache = image_cache_init();
	AUTO(image_facts_drop) struct image_facts *facts = make("app");
	struct image_facts *found = NULL;
	struct err err = { 0 };

	for (int i = 0; i <= IMAGE_CACHE_MAX; i++) {
		char key[16];

		snprintf(key, sizeof(key), "%d", i);
		image_cache_put(&cache, key, facts, NULL, 100);
	}
	ck_assert_uint_eq(cache.lru.n, IMAGE_CACHE_MAX);
	ck_assert(!image_cache_find(&cache, "0", 0, &found, &err));
	/* Ours, and one for each that is kept. */
	ck_assert_uint_eq(facts->users, IMAGE_CACHE_MAX + 1);
}
END_TEST

START_TEST(an_image_is_wanted_once_for_each_kind_of_node)
{
	static const struct image_arches one = { { "amd64" }, 1 },
					 both = { { "amd64", "arm64" }, 2 };
	AUTO(image_wants_done) struct image_wants wants = { 0 };
	AUTO(buf_done) struct buf key = buf_init(256);
	struct image_ref short_name, long_name;
	struct err err = { 0 };

	ck_assert_int_eq(image_ref_parse("nginx", &short_name, &err), 0);
	ck_assert_int_eq(image_ref_parse("docker.io/library/nginx:latest", &long_name, &err), 0);
	const struct image_want *first = image_wants_ask(&wants, &short_name, &both);
	ck_assert_ptr_eq(image_wants_ask(&wants, &long_name, &both), first);
	ck_assert_ptr_ne(image_wants_ask(&wants, &long_name, &one), first);
	ck_assert_uint_eq(wants.n, 2);
	ck_assert(image_wants_are_open(&wants));
	image_want_put_key(first, &key);
	ck_assert_str_eq(buf_text(&key), "docker.io/library/nginx:latest amd64 arm64");
}
END_TEST

START_TEST(there_is_an_end_to_what_one_pod_may_want)
{
	static const struct image_arches one = { { "amd64" }, 1 };
	AUTO(image_wants_done) struct image_wants wants = { 0 };
	struct err err = { 0 };

	for (int i = 0; i <= IMAGE_WANTS_MAX; i++) {
		struct image_ref ref;
		char name[16];

		snprintf(name, sizeof(name), "a%d", i);
		ck_assert_int_eq(image_ref_parse(name, &ref, &err), 0);
		ck_assert_int_eq(image_wants_ask(&wants, &ref, &one) != NULL, i < IMAGE_WANTS_MAX);
	}
}
END_TEST

Suite *image_cache_suite(void);
Suite *image_cache_suite(void)
{
	Suite *suite = suite_create("image_cache");
	TCase *tc = tcase_create("all");

	tcase_add_test(tc, what_was_learnt_is_known_until_its_time_is_over);
	tcase_add_test(tc,
		       a_failure_is_known_with_its_reason_and_gives_way_to_what_is_learnt_later);
	tcase_add_test(tc, no_more_are_kept_than_there_may_be);
	tcase_add_test(tc, an_image_is_wanted_once_for_each_kind_of_node);
	tcase_add_test(tc, there_is_an_end_to_what_one_pod_may_want);
	suite_add_tcase(suite, tc);
	return suite;
}
