/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/canon_path.h"

#include <check.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/mem.h"

static const struct {
	const char *target, *path, *query; /* query NULL: none */
} accept_cases[] = {
	{ "/", "/", NULL },
	{ "", "/", NULL },
	{ "?a", "/", "a" },
	{ "/a/b", "/a/b", NULL },
	{ "/a/b/", "/a/b/", NULL },
	{ "/a?b=c?d", "/a", "b=c?d" },
	{ "/a?", "/a", "" },
	{ "//a///b", "/a/b", NULL },
	{ "/a/./b", "/a/b", NULL },
	{ "/a/../b", "/b", NULL },
	{ "/a/b/..", "/a/", NULL },
	{ "/a/.", "/a/", NULL },
	{ "/a/%2e%2E/b", "/b", NULL },
	{ "/a/.%2e/b", "/b", NULL },
	{ "/%61", "/a", NULL },
	{ "/a%20b", "/a%20b", NULL },
	{ "/a%3ab", "/a:b", NULL },
	{ "/a|b", "/a%7Cb", NULL },
	{ "/a\"b", "/a%22b", NULL },
	{ "/%c3%a9", "/%C3%A9", NULL },
	{ "/a%3Fb", "/a%3Fb", NULL },
	{ "/a%23b", "/a%23b", NULL },
	{ "/a%25b", "/a%25b", NULL },
	{ "/a;x=1/b;y", "/a/b", NULL },
	{ "/..;x/a", NULL, NULL },
	{ "/a/...;x/b", "/a/.../b", NULL },
	{ "/a/;x/b", "/a/b", NULL },
	{ "/a%3Bx", "/a%3Bx", NULL }, /* decoded, it would be cut off by the server */
	{ "/a%3B.b", "/a%3B.b", NULL },
	{ "/a%2520b", "/a%2520b", NULL },
	{ "/100%25", "/100%25", NULL },
	{ "/a%25zz", "/a%25zz", NULL },
	{ "/..a", "/..a", NULL },
	{ "/a..", "/a..", NULL },
	{ "/...", "/...", NULL },
	{ "/.a", "/.a", NULL },
	{ "/-._~!$&'()*+,=:@", "/-._~!$&'()*+,=:@", NULL },
};

START_TEST(targets_get_one_form)
{
	struct canon_target out;
	struct err err = { 0 };
	int result = canon_target(slice_text(accept_cases[_i].target), false, &out, &err);

	if (accept_cases[_i].path == NULL) {
		ck_assert_int_eq(result, -1);
		return;
	}
	ck_assert_msg(result == 0, "%s: %s", accept_cases[_i].target, err.msg);
	ck_assert_str_eq(out.path, accept_cases[_i].path);
	ck_assert(out.has_query == (accept_cases[_i].query != NULL));
	if (out.has_query) {
		ck_assert_uint_eq(out.query.n, strlen(accept_cases[_i].query));
		ck_assert_mem_eq(out.query.p, accept_cases[_i].query, out.query.n);
	}
	/* And keep it. */
	struct canon_target again;
	ck_assert(canon_is_canonical(slice_text(out.path)));
	ck_assert_int_eq(canon_target(slice_text(out.path), false, &again, &err), 0);
	ck_assert_str_eq(again.path, out.path);
}
END_TEST

static const struct {
	const char *target, *says;
} refuse_cases[] = {
	{ "a", "begin with '/'" },
	{ "*", "begin with '/'" },
	{ "http://example.com/", "begin with '/'" },
	{ "/..", "above its root" },
	{ "/a/../..", "above its root" },
	{ "/%2e%2e/", "above its root" },
	{ "/a%", "hexadecimal" },
	{ "/a%4", "hexadecimal" },
	{ "/a%4/", "hexadecimal" },
	{ "/a%zz", "hexadecimal" },
	{ "/a%00", "control" },
	{ "/a%0d%0a", "control" },
	{ "/a%09", "control" },
	{ "/a%7f", "control" },
	{ "/a\tb", "control" },
	{ "/a b", "blank" },
	{ "/\xc3\xa9", "non-ASCII" },
	{ "/a#b", "'#'" },
	{ "/a%2Fb", "encoded slash" },
	{ "/a%2fb", "encoded slash" },
	{ "/a\\b", "encoded slash" },
	{ "/a%5Cb", "encoded slash" },
	{ "/a%5c..%5cb", "hides" },
	{ "/a\\..", "hides" },
	/* Parameters: "..;" is two dots to some servers. */
	{ "/a/..;/b", "hides" },
	{ "/a/..;x=1/b", "hides" },
	{ "/a/.;/b", "hides" },
	{ "/a/%2e%2e;/b", "hides" },
	{ "/a/..%3B/b", "hides" },
	{ "/a/..%3bx/b", "hides" },
	{ "/a/x%3b../b", "hides" },
	/* Servers that decode twice, or more often. */
	{ "/a/%252e%252e/b", "hides" },
	{ "/a/%252E./b", "hides" },
	{ "/a/%25252e%25252e/b", "hides" },
	{ "/a/%25%32%65./b", "hides" },
	{ "/a/..%253b/b", "hides" },
	{ "/a%252Fb", "encoded slash" },
	{ "/a%25252fb", "encoded slash" },
	{ "/a%255cb", "encoded slash" },
	{ "/a%2500", "control" },
	{ "/a%250d%250a", "control" },
	/* Not UTF-8: longer forms of '.' and '/' among them. */
	{ "/a/%c0%ae%c0%ae/b", "UTF-8" },
	{ "/a%c0%afb", "UTF-8" },
	{ "/a%e0%80%afb", "UTF-8" },
	{ "/a%f0%80%80%afb", "UTF-8" },
	{ "/a%ffb", "UTF-8" },
	{ "/a%c3", "UTF-8" },
};

START_TEST(targets_that_could_be_read_in_two_ways_are_refused)
{
	struct canon_target out;
	struct err err = { 0 };

	ck_assert_msg(canon_target(slice_text(refuse_cases[_i].target), false, &out, &err) == -1,
		      "%s", refuse_cases[_i].target);
	ck_assert_msg(strstr(err.msg, refuse_cases[_i].says) != NULL, "%s: %s",
		      refuse_cases[_i].target, err.msg);
}
END_TEST

START_TEST(encoded_slashes_are_kept_where_they_are_accepted)
{
	struct canon_target out;
	struct err err = { 0 };

	ck_assert_int_eq(canon_target(slice_text("/a%2fb/c"), true, &out, &err), 0);
	ck_assert_str_eq(out.path, "/a%2Fb/c");
	ck_assert(out.has_encoded_slash);
	ck_assert_int_eq(canon_target(slice_text("/a%2f..%2fb"), true, &out, &err), -1);
	ck_assert_int_eq(canon_target(slice_text("/%2f.."), true, &out, &err), -1);
	ck_assert_int_eq(canon_target(slice_text("/a%252f..%252fb"), true, &out, &err), -1);
	ck_assert_int_eq(canon_target(slice_text("/a/b"), true, &out, &err), 0);
	ck_assert(!out.has_encoded_slash);
}
END_TEST

static const struct {
	const char *target, *path;
	bool encoded;
} slash_cases[] = {
	{ "/a\\b", "/a%5Cb", true },
	{ "/a%5cb", "/a%5Cb", true },
	{ "/a%252fb", "/a%252fb", true },
	{ "/a%25255Cb", "/a%25255Cb", true },
	{ "/a%25/2F", "/a%25/2F", false },
	{ "/a%2525", "/a%2525", false },
	{ "/%252", "/%252", false },
	{ "/a%20%25", "/a%20%25", false },
	{ "/", "/", false },
};

START_TEST(a_slash_is_found_however_often_it_is_encoded)
{
	struct canon_target out;
	struct err err = { 0 };

	ck_assert_int_eq(canon_target(slice_text(slash_cases[_i].target), true, &out, &err), 0);
	ck_assert_str_eq(out.path, slash_cases[_i].path);
	ck_assert_int_eq(out.has_encoded_slash, slash_cases[_i].encoded);
	ck_assert_int_eq(canon_has_encoded_slash(slice_text(out.path)), slash_cases[_i].encoded);
}
END_TEST

START_TEST(long_paths_are_refused_before_and_after_encoding)
{
	static const char unit[] = "|";
	AUTO(buf_done) struct buf target = buf_init(10000);
	struct canon_target out;
	struct err err = { 0 };

	buf_puts(&target, "/");
	for (int i = 0; i < 1365; i++)
		buf_puts(&target, unit);
	ck_assert_int_eq(canon_target(buf_slice(&target), false, &out, &err), 0);
	ck_assert_uint_eq(out.path_n, POLICY_REQUEST_PATH_MAX);
	buf_puts(&target, unit);
	ck_assert_int_eq(canon_target(buf_slice(&target), false, &out, &err), -1);
	ck_assert_int_eq(err.code, ERR_LIMIT);
	while (target.n <= POLICY_REQUEST_PATH_MAX)
		buf_puts(&target, "/");
	ck_assert_int_eq(canon_target(buf_slice(&target), false, &out, &err), -1);
	ck_assert_int_eq(err.code, ERR_LIMIT);
}
END_TEST

START_TEST(every_truncation_is_canonical_or_refused)
{
	static const char target[] = "/a;p/%41/..%2F/./%2e%2e/b%20|c//d?x=%41";

	for (size_t n = 0; n < sizeof(target); n++) {
		AUTO_FREE uint8_t *cut = mem_calloc(n, 1);
		struct canon_target out;
		struct err err = { 0 };

		memcpy(cut, target, n);
		if (canon_target((struct slice){ cut, n }, true, &out, &err) == 0)
			ck_assert(canon_is_canonical(slice_text(out.path)));
		else
			ck_assert_str_ne(err.msg, "");
	}
}
END_TEST

Suite *canon_path_suite(void);
Suite *canon_path_suite(void)
{
	Suite *s = suite_create("canon_path");
	TCase *tc = tcase_create("canon_path");

	tcase_add_loop_test(tc, targets_get_one_form, 0, (int)ARRAY_LEN(accept_cases));
	tcase_add_loop_test(tc, targets_that_could_be_read_in_two_ways_are_refused, 0,
			    (int)ARRAY_LEN(refuse_cases));
	tcase_add_test(tc, encoded_slashes_are_kept_where_they_are_accepted);
	tcase_add_loop_test(tc, a_slash_is_found_however_often_it_is_encoded, 0,
			    (int)ARRAY_LEN(slash_cases));
	tcase_add_test(tc, long_paths_are_refused_before_and_after_encoding);
	tcase_add_test(tc, every_truncation_is_canonical_or_refused);
	suite_add_tcase(s, tc);
	return s;
}
