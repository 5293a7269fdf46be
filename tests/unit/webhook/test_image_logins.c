/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "webhook/image_logins.h"

/* "robot:s3cret" */
#define AUTH "cm9ib3Q6czNjcmV0"

static const char whole[] = "{\"auths\":{"
			    "\"r.example\":{\"auth\":\"" AUTH "\"},"
			    "\"r.example/team\":{\"username\":\"team\",\"password\":\"p:w\"},"
			    "\"https://index.docker.io/v1/\":{\"identitytoken\":\"tok\"}}}";

static const struct {
	const char *text, *pair, *token;
} accepted[] = {
	{ "{\"auths\":{\"r.example\":{\"auth\":\"" AUTH "\"}}}", "robot:s3cret", "" },
	{ "{\"auths\":{\"r.example\":{\"username\":\"robot\",\"password\":\"s3cret\"}}}",
	  "robot:s3cret", "" },
	{ "{\"auths\":{\"r.example\":{\"username\":\"robot\",\"password\":\"s3cret\","
	  "\"email\":\"a@b\",\"auth\":\"" AUTH "\"}},\"HttpHeaders\":{}}",
	  "robot:s3cret", "" },
	{ "{\"auths\":{\"r.example\":{\"auth\":\"YTpi\",\"username\":\"\",\"password\":null}}}",
	  "a:b", "" },
	{ "{\"auths\":{\"r.example\":{\"auth\":\"YTpiYw\"}}}", "a:bc", "" },
	{ "{\"auths\":{\"r.example\":{\"auth\":\"PHRva2VuPjo=\",\"identitytoken\":\"t\"}}}", "",
	  "t" },
	{ "{\"auths\":{\"https://r.example/v2/\":{\"auth\":\"YTpi\"}}}", "a:b", "" },
	{ "{\"auths\":{\"http://r.example/v1\":{\"auth\":\"YTpi\"}}}", "a:b", "" },
	{ "{\"auths\":{\"R.example/\":{\"auth\":\"YTpi\"}}}", "a:b", "" },
};

START_TEST(a_login_is_read_in_every_form_that_pull_secrets_have)
{
	AUTO(image_logins_done) struct image_logins logins = { 0 };
	struct image_ref ref;
	struct err err = { 0 };

	ck_assert_msg(image_logins_parse(slice_text(accepted[_i].text), &logins, &err) == 0,
		      "%s: %s", accepted[_i].text, err.msg);
	ck_assert_int_eq(image_ref_parse("r.example/app:1", &ref, &err), 0);
	const struct image_login *login = image_logins_find(&logins, &ref);
	ck_assert_ptr_nonnull(login);
	ck_assert_str_eq(buf_text(&login->user_password), accepted[_i].pair);
	ck_assert_str_eq(buf_text(&login->identity_token), accepted[_i].token);
}
END_TEST

#define ENTRY(entry) "{\"auths\":{\"r.example\":" entry "}}"

/* What is told, at which place. */
static const struct {
	const char *text, *why;
} refused[] = {
	{ "", "no JSON" },
	{ "[]", "no object" },
	{ "{}", "no login" },
	{ "{\"auths\":[]}", "no login" },
	{ "{\"auths\":{}}", "no login" },
	{ "{\"Auths\":{}}", "spells 'auths' otherwise" },
	{ "{\"auths\":{},\"auths\":{}}", "line 1, column" },
	{ ENTRY("1"), "auths['r.example']: it is no object" },
	{ ENTRY("{}"), "auths['r.example']: there is neither" },
	{ ENTRY("{\"username\":\"a\"}"), "neither" },
	{ ENTRY("{\"password\":\"s3cret\"}"), "neither" },
	{ ENTRY("{\"auth\":1}"), "'auth' is no text" },
	{ ENTRY("{\"Auth\":\"" AUTH "\"}"), "spells 'auth' otherwise" },
	{ ENTRY("{\"auth\":\"s3cret!!\"}"), "'auth' is not base64" },
	{ ENTRY("{\"auth\":\"czNjcmV0\"}"), "there is no user" },
	{ ENTRY("{\"auth\":\"OnMzY3JldA==\"}"), "there is no user" },
	{ ENTRY("{\"auth\":\"YTo=\"}"), "there is no password" },
	{ ENTRY("{\"auth\":\"YTpzMwpjcmV0\"}"), "control character" },
	{ ENTRY("{\"username\":\"a:b\",\"password\":\"s3cret\"}"), "has a colon" },
	{ ENTRY("{\"username\":\"a\",\"password\":\"s3\\rcret\"}"), "control character" },
	{ ENTRY("{\"username\":\"a\",\"password\":\"s3cret\",\"auth\":\"YTpi\"}"),
	  "is not that of" },
	{ ENTRY("{\"identitytoken\":\"s3\\ncret\"}"), "control character" },
	{ "{\"auths\":{\"*.example\":{\"auth\":\"YTpi\"}}}",
	  "auths['*.example']: it has a wildcard" },
	{ "{\"auths\":{\"registry\":{\"auth\":\"YTpi\"}}}", "does not begin with a registry" },
	{ "{\"auths\":{\"r.example/a:1\":{\"auth\":\"YTpi\"}}}", "has a tag" },
	{ "{\"auths\":{\"r.example/A\":{\"auth\":\"YTpi\"}}}", "lower case" },
	{ "{\"auths\":{\"\":{\"auth\":\"YTpi\"}}}", "auths['']" },
	{ "{\"auths\":{\"ftp://r.example\":{\"auth\":\"YTpi\"}}}", "auths['ftp://" },
	{ "{\"auths\":{\"docker.io\":{\"auth\":\"YTpi\"},\"https://index.docker.io/v1/\":"
	  "{\"auth\":\"YTpi\"}}}",
	  "another key means the same" },
};

START_TEST(what_is_no_login_is_refused_with_its_place_and_without_its_content)
{
	AUTO(image_logins_done) struct image_logins logins = { 0 };
	struct err err = { 0 };

	ck_assert_msg(image_logins_parse(slice_text(refused[_i].text), &logins, &err) == -1, "%s",
		      refused[_i].text);
	ck_assert_msg(strstr(err.msg, refused[_i].why) != NULL, "%s: %s", refused[_i].text,
		      err.msg);
	ck_assert_ptr_null(strstr(err.msg, "cret"));
	ck_assert_ptr_null(logins.items);
}
END_TEST

START_TEST(every_truncation_is_refused_and_tells_nothing)
{
	for (size_t n = 0; n < strlen(whole); n++) {
		AUTO(image_logins_done) struct image_logins logins = { 0 };
		AUTO_FREE uint8_t *cut = malloc(n > 0 ? n : 1);
		struct err err = { 0 };

		memcpy(cut, whole, n);
		ck_assert_int_eq(image_logins_parse((struct slice){ cut, n }, &logins, &err), -1);
		ck_assert_ptr_null(strstr(err.msg, "cm9"));
		ck_assert_ptr_null(strstr(err.msg, "p:w"));
	}
}
END_TEST

static const struct {
	const char *image, *pair, *token; /* NULL: there is none */
} found[] = {
	{ "r.example/app", "robot:s3cret", "" },
	{ "R.EXAMPLE/app", "robot:s3cret", "" },
	{ "r.example/team", "team:p:w", "" },
	{ "r.example/team/app@sha256:"
	  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
	  "team:p:w", "" },
	{ "r.example/teams/app", "robot:s3cret", "" },
	{ "r.example:5000/app", NULL, NULL },
	{ "x.r.example/app", NULL, NULL },
	{ "r.example.evil.example/app", NULL, NULL },
	{ "evil.example/r.example/app", NULL, NULL },
	{ "nginx", "", "tok" },
	{ "docker.io/a/b", "", "tok" },
	{ "index.docker.io/a/b", "", "tok" },
};

START_TEST(the_longest_beginning_by_whole_parts_decides)
{
	AUTO(image_logins_done) struct image_logins logins = { 0 };
	struct image_ref ref;
	struct err err = { 0 };

	ck_assert_int_eq(image_logins_parse(slice_text(whole), &logins, &err), 0);
	ck_assert_int_eq(image_ref_parse(found[_i].image, &ref, &err), 0);
	const struct image_login *login = image_logins_find(&logins, &ref);
	ck_assert_int_eq(login != NULL, found[_i].pair != NULL);
	if (login == NULL)
		return;
	ck_assert_str_eq(buf_text(&login->user_password), found[_i].pair);
	ck_assert_str_eq(buf_text(&login->identity_token), found[_i].token);
}
END_TEST

START_TEST(a_password_that_no_header_takes_is_refused)
{
	for (int more = 0; more < 2; more++) {
		AUTO(image_logins_done) struct image_logins logins = { 0 };
		AUTO(buf_done) struct buf text = buf_init(2 * IMAGE_LOGIN_MAX);
		struct err err = { 0 };

		buf_puts(&text, "{\"auths\":{\"r.example\":{\"username\":\"a\",\"password\":\"");
		for (int i = 0; i < IMAGE_LOGIN_MAX - 2 + more; i++)
			buf_puts(&text, "x");
		buf_puts(&text, "\"}}}");
		ck_assert_int_eq(image_logins_parse(buf_slice(&text), &logins, &err), -more);
		ck_assert_int_eq(err.code, more ? ERR_LIMIT : ERR_NONE);
	}
}
END_TEST

START_TEST(more_logins_than_one_file_may_have_are_refused)
{
	AUTO(image_logins_done) struct image_logins logins = { 0 };
	AUTO(buf_done) struct buf text = buf_init(64 << 10);
	struct err err = { 0 };

	buf_puts(&text, "{\"auths\":{");
	for (int i = 0; i <= IMAGE_LOGINS_MAX; i++)
		buf_printf(&text, "%s\"r%d.example\":{\"auth\":\"YTpi\"}", i > 0 ? "," : "", i);
	buf_puts(&text, "}}");
	ck_assert_int_eq(image_logins_parse(buf_slice(&text), &logins, &err), -1);
	ck_assert_int_eq(err.code, ERR_LIMIT);
}
END_TEST

Suite *image_logins_suite(void);
Suite *image_logins_suite(void)
{
	Suite *suite = suite_create("image_logins");
	TCase *each = tcase_create("image_logins");

	tcase_add_loop_test(each, a_login_is_read_in_every_form_that_pull_secrets_have, 0,
			    (int)ARRAY_LEN(accepted));
	tcase_add_loop_test(each,
			    what_is_no_login_is_refused_with_its_place_and_without_its_content, 0,
			    (int)ARRAY_LEN(refused));
	tcase_add_test(each, every_truncation_is_refused_and_tells_nothing);
	tcase_add_loop_test(each, the_longest_beginning_by_whole_parts_decides, 0,
			    (int)ARRAY_LEN(found));
	tcase_add_test(each, a_password_that_no_header_takes_is_refused);
	tcase_add_test(each, more_logins_than_one_file_may_have_are_refused);
	suite_add_tcase(suite, each);
	return suite;
}
