/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/image_grants.h"

static const struct cmd_list texts = { { "r.example/shared=*", "r.example=a,b",
					 "r.example/shared/secret=b", "docker.io/team=a" },
				       4 };

static const struct {
	const char *image, *namespace_name;
	bool may;
} cases[] = {
	{ "r.example/app", "a", true },
	{ "r.example/app", "b", true },
	{ "r.example/app", "c", false },
	{ "r.example/app", "a,b", false },
	{ "r.example/app", "", false },
	{ "r.example/shared", "c", true },
	{ "r.example/shared/app", "c", true },
	{ "r.example/shared/app", "", false },
	{ "r.example/sharedness/app", "c", false },
	/* The longest decides, also where a shorter one would let it. */
	{ "r.example/shared/secret/app", "b", true },
	{ "r.example/shared/secret/app", "a", false },
	{ "r.example:5000/app", "a", false },
	{ "evil.example/r.example/app", "a", false },
	{ "team/app", "a", true },
	{ "nginx", "a", false },
};

START_TEST(the_longest_prefix_says_for_whose_pods)
{
	AUTO(image_grants_done) struct image_grants grants = { 0 };
	struct image_ref ref;
	struct err err = { 0 };

	ck_assert_msg(image_grants_parse(&texts, &grants, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(image_ref_parse(cases[_i].image, &ref, &err), 0);
	ck_assert_msg(image_grants_allow(&grants, &ref, cases[_i].namespace_name) == cases[_i].may,
		      "%s in '%s'", cases[_i].image, cases[_i].namespace_name);
}
END_TEST

START_TEST(nothing_is_granted_by_nothing)
{
	const struct image_grants none = { 0 };
	struct image_ref ref;
	struct err err = { 0 };

	ck_assert_int_eq(image_ref_parse("r.example/app", &ref, &err), 0);
	ck_assert(!image_grants_allow(&none, &ref, "a"));
}
END_TEST

static const struct cmd_list refused[] = {
	{ { "r.example" }, 1 },
	{ { "r.example=" }, 1 },
	{ { "r.example=a," }, 1 },
	{ { "r.example=,a" }, 1 },
	{ { "r.example=a b" }, 1 },
	{ { "r.example=A" }, 1 },
	{ { "r.example=-a" }, 1 },
	{ { "r.example=a,*" }, 1 },
	{ { "r.example=**" }, 1 },
	{ { "=a" }, 1 },
	{ { "*=a" }, 1 },
	{ { "*.example=a" }, 1 },
	{ { "team/app=a" }, 1 },
	{ { "r.example/a:1=a" }, 1 },
	{ { "https://r.example=a" }, 1 },
	{ { "r.example=a", "R.example=b" }, 2 },
	{ { "docker.io/a=a", "index.docker.io/a=b" }, 2 },
};

START_TEST(what_grants_by_accident_is_refused)
{
	AUTO(image_grants_done) struct image_grants grants = { 0 };
	struct err err = { 0 };

	ck_assert_msg(image_grants_parse(&refused[_i], &grants, &err) == -1, "%s",
		      refused[_i].items[0]);
	ck_assert_int_eq(err.code, ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(err.msg, "--registry-login-for"));
}
END_TEST

Suite *image_grants_suite(void);
Suite *image_grants_suite(void)
{
	Suite *suite = suite_create("image_grants");
	TCase *each = tcase_create("image_grants");

	tcase_add_loop_test(each, the_longest_prefix_says_for_whose_pods, 0, (int)ARRAY_LEN(cases));
	tcase_add_test(each, nothing_is_granted_by_nothing);
	tcase_add_loop_test(each, what_grants_by_accident_is_refused, 0, (int)ARRAY_LEN(refused));
	suite_add_tcase(suite, each);
	return suite;
}
