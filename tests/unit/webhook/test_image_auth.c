/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "webhook/image_auth.h"

static const char whole[] = "Bearer realm=\"https://auth.example/token\",service=\"r.example\"";

static const struct {
	const char *text;
	enum image_scheme scheme;
	const char *realm, *service;
} accepted[] = {
	{ whole, IMAGE_AUTH_BEARER, "https://auth.example/token", "r.example" },
	{ "bearer  realm=x , service = y , error=\"invalid_token\"", IMAGE_AUTH_BEARER, "x", "y" },
	{ "Bearer service=\"a,b\",realm=\"x\\\"y\\\\z\"", IMAGE_AUTH_BEARER, "x\"y\\z", "a,b" },
	{ "Basic realm=\"hello\"", IMAGE_AUTH_BASIC, "hello", "" },
	{ "Basic realm=a, Bearer realm=b", IMAGE_AUTH_BEARER, "b", "" },
	{ "Bearer realm=b, service=s, Basic realm=a", IMAGE_AUTH_BEARER, "b", "s" },
	{ "Negotiate, Basic realm=a", IMAGE_AUTH_BASIC, "a", "" },
	{ "Negotiate YWJjZA==, Basic realm=a", IMAGE_AUTH_BASIC, "a", "" },
	{ "Digest realm=a, nonce=\"x\"", IMAGE_AUTH_NONE, "", "" },
	{ "", IMAGE_AUTH_NONE, "", "" },
	{ " , ,", IMAGE_AUTH_NONE, "", "" },
};

START_TEST(a_challenge_is_taken_apart)
{
	struct image_challenge challenge;
	struct err err = { 0 };

	ck_assert_msg(image_auth_parse(slice_text(accepted[_i].text), &challenge, &err) == 0,
		      "%s: %s", accepted[_i].text, err.msg);
	ck_assert_int_eq(challenge.scheme, accepted[_i].scheme);
	ck_assert_str_eq(challenge.realm, accepted[_i].realm);
	ck_assert_str_eq(challenge.service, accepted[_i].service);
}
END_TEST

static const char *const refused[] = {
	"Bearer",
	"Bearer service=x",
	"Bearer realm=",
	"Bearer realm=\"x",
	"Bearer realm=\"x\\",
	"Bearer realm=\"a\nb\"",
	"Bearer realm=a service=b",
	"Bearer realm=\"a\"x",
	"=x",
	"Bearer@ realm=x",
};

START_TEST(a_malformed_challenge_is_refused)
{
	struct image_challenge challenge;
	struct err err = { 0 };

	ck_assert_msg(image_auth_parse(slice_text(refused[_i]), &challenge, &err) == -1, "%s",
		      refused[_i]);
	ck_assert_int_eq(err.code, ERR_INVALID);
}
END_TEST

START_TEST(a_long_realm_is_refused_and_not_cut)
{
	AUTO(buf_done) struct buf text = buf_init(IMAGE_REALM_MAX * 2);
	struct image_challenge challenge;
	struct err err = { 0 };

	buf_puts(&text, "Bearer realm=");
	for (int i = 0; i <= IMAGE_REALM_MAX; i++)
		buf_puts(&text, "x");
	ck_assert_int_eq(image_auth_parse(buf_slice(&text), &challenge, &err), -1);
	ck_assert_int_eq(err.code, ERR_LIMIT);
}
END_TEST

START_TEST(what_is_cut_anywhere_names_no_other_realm)
{
	AUTO_FREE uint8_t *cut = mem_calloc((size_t)_i, 1);
	struct image_challenge challenge = { 0 };
	struct err err = { 0 };

	memcpy(cut, whole, (size_t)_i);
	if (image_auth_parse((struct slice){ cut, (size_t)_i }, &challenge, &err) == 0 &&
	    challenge.scheme == IMAGE_AUTH_BEARER)
		ck_assert_str_eq(challenge.realm, "https://auth.example/token");
}
END_TEST

START_TEST(a_token_is_asked_for_one_repository)
{
	AUTO(buf_done) struct buf url = buf_init(4096);
	struct image_challenge challenge = { IMAGE_AUTH_BEARER, "https://a.example/t", "r & s" };

	image_auth_put_url(&challenge, "team/app", &url);
	ck_assert_str_eq(buf_text(&url), "https://a.example/t?scope=repository%3Ateam%2Fapp%3Apull"
					 "&service=r%20%26%20s");
	buf_clear(&url);
	strcpy(challenge.realm, "https://a.example/t?x=y");
	challenge.service[0] = '\0';
	image_auth_put_url(&challenge, "app", &url);
	ck_assert_str_eq(buf_text(&url), "https://a.example/t?x=y&scope=repository%3Aapp%3Apull");
}
END_TEST

static const struct {
	const char *body, *token; /* NULL: refused */
} tokens[] = {
	{ "{\"token\":\"a.b-c_d~e+/=\"}", "a.b-c_d~e+/=" },
	{ "{\"access_token\":\"x\",\"expires_in\":300}", "x" },
	{ "{\"token\":\"x\",\"access_token\":\"y\"}", "x" },
	{ "{\"token\":\"a\\r\\nHost: b\"}", NULL },
	{ "{\"token\":\"a b\"}", NULL },
	{ "{\"token\":\"\"}", NULL },
	{ "{\"token\":1}", NULL },
	{ "{}", NULL },
	{ "[]", NULL },
	{ "token", NULL },
};

START_TEST(only_what_a_header_can_carry_is_a_token)
{
	AUTO(buf_done) struct buf token = buf_init(IMAGE_TOKEN_MAX);
	struct err err = { 0 };

	int result = image_auth_read_token(slice_text(tokens[_i].body), &token, &err);
	ck_assert_int_eq(result, tokens[_i].token != NULL ? 0 : -1);
	ck_assert_str_eq(buf_text(&token), tokens[_i].token != NULL ? tokens[_i].token : "");
}
END_TEST

Suite *image_auth_suite(void);
Suite *image_auth_suite(void)
{
	Suite *suite = suite_create("image_auth");
	TCase *each = tcase_create("image_auth");

	tcase_add_loop_test(each, a_challenge_is_taken_apart, 0, (int)ARRAY_LEN(accepted));
	tcase_add_loop_test(each, a_malformed_challenge_is_refused, 0, (int)ARRAY_LEN(refused));
	tcase_add_test(each, a_long_realm_is_refused_and_not_cut);
	tcase_add_loop_test(each, what_is_cut_anywhere_names_no_other_realm, 0,
			    (int)sizeof(whole) - 1);
	tcase_add_test(each, a_token_is_asked_for_one_repository);
	tcase_add_loop_test(each, only_what_a_header_can_carry_is_a_token, 0,
			    (int)ARRAY_LEN(tokens));
	suite_add_tcase(suite, each);
	return suite;
}
