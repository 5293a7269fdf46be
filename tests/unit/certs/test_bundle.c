/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>

#include "certs/bundle.h"
#include "lib/cleanup.h"
#include "lib/mem.h"

#define BEGIN "-----BEGIN CERTIFICATE-----\n"
#define END "-----END CERTIFICATE-----\n"
#define ONE BEGIN "TUlJQg==\n" END
#define OURS BEGIN "T1VSUw==\n" END

static const struct {
	const char *store, *want;
} merges[] = {
	{ "", OURS },
	{ ONE, ONE OURS },
	{ "# Mozilla's roots\n\n" ONE "\n# one more\n" ONE,
	  "# Mozilla's roots\n\n" ONE "\n# one more\n" ONE OURS },
	/* The last line's end is all that is ever added to what was there. */
	{ BEGIN "TUlJQg==\n-----END CERTIFICATE-----",
	  BEGIN "TUlJQg==\n-----END CERTIFICATE-----\n" OURS },
	{ "-----BEGIN CERTIFICATE-----\r\nTUlJQg==\r\n-----END CERTIFICATE-----\r\n",
	  "-----BEGIN CERTIFICATE-----\r\nTUlJQg==\r\n-----END CERTIFICATE-----\r\n" OURS },
};

START_TEST(our_authority_is_added_and_the_rest_stays_byte_for_byte)
{
	AUTO(buf_done) struct buf out = buf_init(BUNDLE_MAX);
	struct err err = { 0 };

	ck_assert_msg(bundle_merge(slice_text(merges[_i].store), slice_text(OURS), &out, &err) == 0,
		      "%s", err.msg);
	ck_assert_str_eq(buf_text(&out), merges[_i].want);
}
END_TEST

static const struct {
	const char *store, *why;
} refusals[] = {
	{ "hello\n", "trust store: no certificate in PEM" },
	{ BEGIN "TUlJQg==\n", "line 2: the last certificate is cut off" },
	{ BEGIN END, "line 2: not base64" },
	{ BEGIN "TUl JQ=\n" END, "line 2: not base64" },
	{ BEGIN "TUlJQ\n" END, "line 2: not base64" },
	{ BEGIN "TU=JQg==\n" END, "line 2: not base64" },
	{ BEGIN BEGIN "TUlJQg==\n" END, "line 2: not base64" },
	{ END, "line 1: only certificates" },
	{ ONE "-----BEGIN PRIVATE KEY-----\nTUlJQg==\n-----END PRIVATE KEY-----\n",
	  "line 4: only certificates" },
	{ ONE "-----BEGIN TRUSTED CERTIFICATE-----\n", "line 4: only certificates" },
};

START_TEST(a_store_that_is_not_certificates_is_refused)
{
	AUTO(buf_done) struct buf out = buf_init(BUNDLE_MAX);
	struct err err = { 0 };

	ck_assert_int_eq(bundle_merge(slice_text(refusals[_i].store), slice_text(OURS), &out, &err),
			 -1);
	ck_assert_msg(strstr(err.msg, refusals[_i].why) != NULL, "%s", err.msg);
	ck_assert_uint_eq(out.n, 0);
}
END_TEST

START_TEST(bytes_that_are_not_text_are_refused)
{
	static const char with_nul[] = ONE "a\0b\n";
	size_t n;
	struct err err = { 0 };

	ck_assert_int_eq(bundle_check((struct slice){ (const uint8_t *)with_nul,
						      sizeof(with_nul) - 1 },
				      &n, &err),
			 -1);
	ck_assert_str_eq(err.msg, "line 4: not text");
}
END_TEST

START_TEST(only_one_authority_is_added)
{
	AUTO(buf_done) struct buf out = buf_init(BUNDLE_MAX);
	struct err err = { 0 };

	ck_assert_int_eq(bundle_merge(slice_text(ONE), slice_text(OURS ONE), &out, &err), -1);
	ck_assert_str_eq(err.msg, "2 certificates for one authority");
	ck_assert_int_eq(bundle_merge(slice_text(ONE), slice_text(""), &out, &err), -1);
}
END_TEST

START_TEST(a_store_over_the_limit_is_refused)
{
	AUTO_FREE char *huge = mem_calloc(BUNDLE_MAX + 1, 1);
	AUTO(buf_done) struct buf out = buf_init(2 * BUNDLE_MAX);
	AUTO(buf_done) struct buf small = buf_init(strlen(ONE) + 5);
	struct err err = { 0 };

	memset(huge, '#', BUNDLE_MAX + 1);
	struct slice store = { (const uint8_t *)huge, BUNDLE_MAX + 1 };

	ck_assert_int_eq(bundle_merge(store, slice_text(OURS), &out, &err), -1);
	ck_assert_int_eq(err.code, ERR_LIMIT);
	ck_assert_int_eq(bundle_merge(slice_text(ONE), slice_text(OURS), &small, &err), -1);
	ck_assert_int_eq(err.code, ERR_LIMIT);
}
END_TEST

Suite *bundle_suite(void);
Suite *bundle_suite(void)
{
	Suite *s = suite_create("bundle");
	TCase *tc = tcase_create("bundle");

	tcase_add_loop_test(tc, our_authority_is_added_and_the_rest_stays_byte_for_byte, 0,
			    (int)ARRAY_LEN(merges));
	tcase_add_loop_test(tc, a_store_that_is_not_certificates_is_refused, 0,
			    (int)ARRAY_LEN(refusals));
	tcase_add_test(tc, bytes_that_are_not_text_are_refused);
	tcase_add_test(tc, only_one_authority_is_added);
	tcase_add_test(tc, a_store_over_the_limit_is_refused);
	suite_add_tcase(s, tc);
	return s;
}
