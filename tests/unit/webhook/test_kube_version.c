/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/kube_version.h"

static const struct {
	const char *text;
	struct kube_version want;
} accepted[] = {
	{ "1.29", { 1, 29 } },         { "v1.34.2", { 1, 34 } }, { "1.34+", { 1, 34 } },
	{ "1.30.1-gke.5", { 1, 30 } }, { "2.1", { 2, 1 } },      { "10.9999", { 10, 9999 } },
};

START_TEST(a_version_is_read_however_it_is_written)
{
	struct kube_version version = { 0 };
	struct err err = { 0 };

	ck_assert_msg(kube_version_parse(accepted[_i].text, &version, &err) == 0, "%s", err.msg);
	ck_assert_uint_eq(version.major, accepted[_i].want.major);
	ck_assert_uint_eq(version.minor, accepted[_i].want.minor);
}
END_TEST

static const char *const refused[] = {
	"",    "1",   "1.",     "v",     ".29",   "1.x",     "-1.29",        "1.-29",
	"0.5", "1.0", "vv1.29", " 1.29", "1 .29", "10000.1", "1.4294967325", "one.two",
};

START_TEST(what_is_no_version_is_refused)
{
	struct kube_version version = { 0 };
	struct err err = { 0 };

	ck_assert_int_eq(kube_version_parse(refused[_i], &version, &err), -1);
	ck_assert_int_eq(err.code, ERR_INVALID);
	ck_assert_uint_eq(version.major, 0);
}
END_TEST

static const char answer[] = "{\"major\":\"1\",\"minor\":\"34+\",\"gitVersion\":\"v1.34.1\"}";

START_TEST(the_answer_of_an_api_server_is_read)
{
	struct kube_version version = { 0 };
	struct err err = { 0 };

	ck_assert_msg(kube_version_read(slice_text(answer), &version, &err) == 0, "%s", err.msg);
	ck_assert_uint_eq(version.major, 1);
	ck_assert_uint_eq(version.minor, 34);
}
END_TEST

START_TEST(an_answer_that_is_cut_anywhere_is_refused)
{
	struct kube_version version = { 0 };
	struct err err = { 0 };
	uint8_t *cut = malloc(_i > 0 ? (size_t)_i : 1);

	memcpy(cut, answer, (size_t)_i);
	ck_assert_int_eq(kube_version_read((struct slice){ cut, (size_t)_i }, &version, &err), -1);
	ck_assert_uint_eq(version.major, 0);
	free(cut);
}
END_TEST

static const char *const bad_answers[] = {
	"[]",
	"{}",
	"{\"major\":\"1\"}",
	"{\"minor\":\"34\"}",
	"{\"major\":1,\"minor\":34}",
	"{\"major\":\"\",\"minor\":\"34\"}",
	"{\"major\":\"1\",\"minor\":\"\"}",
	"{\"major\":\"1.2\",\"minor\":\"34\"}",
	"{\"major\":\"1\",\"minor\":null}",
};

START_TEST(an_answer_without_a_version_is_refused)
{
	struct kube_version version = { 0 };
	struct err err = { 0 };

	ck_assert_int_eq(kube_version_read(slice_text(bad_answers[_i]), &version, &err), -1);
	ck_assert_str_ne(err.msg, "");
	ck_assert_uint_eq(version.major, 0);
}
END_TEST

START_TEST(versions_are_compared_as_numbers)
{
	const struct kube_version wanted = { 1, 29 };

	ck_assert(kube_version_is_at_least((struct kube_version){ 1, 29 }, wanted));
	ck_assert(kube_version_is_at_least((struct kube_version){ 1, 100 }, wanted));
	ck_assert(kube_version_is_at_least((struct kube_version){ 2, 1 }, wanted));
	ck_assert(!kube_version_is_at_least((struct kube_version){ 1, 28 }, wanted));
	ck_assert(!kube_version_is_at_least((struct kube_version){ 1, 3 }, wanted));
	ck_assert(!kube_version_is_at_least((struct kube_version){ 0, 99 }, wanted));
	ck_assert(!kube_version_is_at_least((struct kube_version){ 0, 0 }, wanted));
}
END_TEST

Suite *kube_version_suite(void);
Suite *kube_version_suite(void)
{
	Suite *suite = suite_create("kube_version");
	TCase *each = tcase_create("kube_version");

	tcase_add_loop_test(each, a_version_is_read_however_it_is_written, 0,
			    (int)ARRAY_LEN(accepted));
	tcase_add_loop_test(each, what_is_no_version_is_refused, 0, (int)ARRAY_LEN(refused));
	tcase_add_test(each, the_answer_of_an_api_server_is_read);
	tcase_add_loop_test(each, an_answer_that_is_cut_anywhere_is_refused, 0,
			    (int)sizeof(answer) - 1);
	tcase_add_loop_test(each, an_answer_without_a_version_is_refused, 0,
			    (int)ARRAY_LEN(bad_answers));
	tcase_add_test(each, versions_are_compared_as_numbers);
	suite_add_tcase(suite, each);
	return suite;
}
