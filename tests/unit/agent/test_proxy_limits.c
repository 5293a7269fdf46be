/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/proxy/limits.h"
#include "lib/cleanup.h"
#include "lib/io.h"

START_TEST(a_limit_is_set_by_its_name)
{
	struct proxy_limits limits = proxy_limits_default();
	struct err err = { 0 };

	ck_assert_int_eq(proxy_limits_set(&limits, "conns=17", &err), 0);
	ck_assert_int_eq(proxy_limits_set(&limits, "dial_ms=1500", &err), 0);
	ck_assert_uint_eq(limits.conns, 17);
	ck_assert_int_eq(limits.dial_ms, 1500);
	ck_assert_int_eq(limits.head_ms, proxy_limits_default().head_ms);
}
END_TEST

START_TEST(what_is_no_limit_or_out_of_range_is_refused_and_changes_nothing)
{
	static const char *const bad[] = { "",
					   "=1",
					   "conns",
					   "conns=",
					   "conns=0",
					   "conns=-1",
					   "conns=+1",
					   "conns= 1",
					   "conns=1x",
					   "conns=100001",
					   "conns=18446744073709551617",
					   "conn=1",
					   "connss=1",
					   "head_ms=99",
					   "head_ms=86400001" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const struct proxy_limits before = proxy_limits_default();
		struct proxy_limits limits = before;
		struct err err = { 0 };

		ck_assert_msg(proxy_limits_set(&limits, bad[i], &err) == -1, "%s", bad[i]);
		ck_assert_int_eq(err.code, ERR_INVALID);
		ck_assert(memcmp(&limits, &before, sizeof(limits)) == 0);
	}
}
END_TEST

START_TEST(the_document_has_the_defaults_and_ranges_of_the_table)
{
	const struct proxy_limits defaults = proxy_limits_default();
	AUTO(buf_done) struct buf page = buf_init(1 << 20);
	struct err err = { 0 };

	ck_assert_msg(io_read_file("docs/proxy.md", &page, &err) == 0, "%s", err.msg);
	for (size_t i = 0; proxy_limits_name(i) != NULL; i++) {
		uint64_t min, max;
		char row[128];

		proxy_limits_range(i, &min, &max);
		snprintf(row, sizeof(row), "| `%s` | %" PRIu64 " | %" PRIu64 "..%" PRIu64 " | ",
			 proxy_limits_name(i), proxy_limits_get(&defaults, i), min, max);
		ck_assert_msg(strstr(buf_text(&page), row) != NULL, "docs/proxy.md lacks: %s", row);
	}
}
END_TEST

Suite *proxy_limits_suite(void);
Suite *proxy_limits_suite(void)
{
	Suite *s = suite_create("proxy_limits");
	TCase *tc = tcase_create("proxy_limits");

	tcase_add_test(tc, a_limit_is_set_by_its_name);
	tcase_add_test(tc, what_is_no_limit_or_out_of_range_is_refused_and_changes_nothing);
	tcase_add_test(tc, the_document_has_the_defaults_and_ranges_of_the_table);
	suite_add_tcase(s, tc);
	return s;
}
