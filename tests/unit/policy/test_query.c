/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/query.h"

#include <check.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/mem.h"

static const struct {
	const char *raw, *want; /* "key=value;" for each; NULL: refused */
} cases[] = {
	{ "", "" },
	{ "a=1", "a=1;" },
	{ "a=1&b=2", "a=1;b=2;" },
	{ "a=1&a=2", "a=1;a=2;" },
	{ "a", "a=;" },
	{ "a=", "a=;" },
	{ "=1", "=1;" },
	{ "a=b=c", "a=b=c;" },
	{ "&&a&", "a=;" },
	{ "a+b=c+d", "a b=c d;" },
	{ "a%20b=%3d%26", "a b==&;" },
	{ "a=%C3%A9", "a=\xc3\xa9;" },
	{ "a=\xc3\xa9", "a=\xc3\xa9;" },
	{ "a=%", NULL },
	{ "a=%4", NULL },
	{ "a=%zz", NULL },
	{ "a%4&1=2", NULL },
	{ "a=%ff", NULL },
	{ "a=%c0%af", NULL },
	{ "a=%ed%a0%80", NULL },
	{ "a=%f4%90%80%80", NULL },
	{ "a=%c3", NULL },
	{ "a=\xff", NULL },
	{ "a=b c", NULL },
	{ "a=b\r\nX: y", NULL },
	{ "a=b#c", NULL },
};

START_TEST(queries_decode_as_the_table_says)
{
	AUTO(buf_done) struct buf got = buf_init(1000);
	AUTO(query_done) struct query query = { 0 };
	bool legal = query_decode(slice_text(cases[_i].raw), &query);

	ck_assert_msg(legal == (cases[_i].want != NULL), "%s", cases[_i].raw);
	if (!legal)
		return;
	for (size_t i = 0; i < query.n; i++) {
		buf_put(&got, query.pairs[i].key.p, query.pairs[i].key.n);
		buf_puts(&got, "=");
		buf_put(&got, query.pairs[i].value.p, query.pairs[i].value.n);
		buf_puts(&got, ";");
	}
	ck_assert_str_eq(buf_text(&got), cases[_i].want);
}
END_TEST

START_TEST(every_truncation_is_read_within_its_bounds)
{
	static const char raw[] = "a=1&b%20c=%C3%A9+x&&d=%3D";

	for (size_t n = 0; n < sizeof(raw); n++) {
		AUTO_FREE uint8_t *cut = mem_calloc(n, 1);
		AUTO(query_done) struct query query = { 0 };

		memcpy(cut, raw, n);
		if (query_decode((struct slice){ cut, n }, &query))
			ck_assert_uint_le(query.n, n);
	}
}
END_TEST

Suite *query_suite(void);
Suite *query_suite(void)
{
	Suite *s = suite_create("query");
	TCase *tc = tcase_create("query");

	tcase_add_loop_test(tc, queries_decode_as_the_table_says, 0, (int)ARRAY_LEN(cases));
	tcase_add_test(tc, every_truncation_is_read_within_its_bounds);
	suite_add_tcase(s, tc);
	return s;
}
