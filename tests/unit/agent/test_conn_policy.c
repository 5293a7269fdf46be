/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>

#include "agent/proxy/conn_policy.h"
#include "agent/proxy/exchange.h"
#include "lib/cleanup.h"

static const char text[] = "version: 1\n"
			   "network_policies:\n"
			   "  web:\n"
			   "    endpoints:\n"
			   "      - {host: a.test, port: 80, protocol: rest, access: full}\n"
			   "    binaries: [{path: /usr/bin/app}]\n";

/* Where it goes is known from its first moment, and how it is handled not before its program is. */
START_TEST(a_transparent_connection_that_is_not_decided_yet_goes_on)
{
	AUTO(policy_problems_done) struct policy_problems problems = { 0 };
	const struct http1_request none = { .form = HTTP1_AUTHORITY_FORM };
	const struct log log = { .level = LOG_LEVEL_ERROR };
	struct proxy proxy = {
		.policy = policy_parse(slice_text(text), &problems),
		.log = &log,
		.limits = proxy_limits_default(),
	};
	struct conn conn = { .proxy = &proxy, .entry = CONN_TRANSPARENT, .state = CONN_IDENTIFY };
	struct err err;

	ck_assert_ptr_nonnull(proxy.policy);
	ck_assert_int_eq(loop_new(&proxy.loop, &err), 0);
	exchange_begin(&conn, &none);
	conn.exchange->answer.site =
		(struct site){ .host = { .text = "a.test", .n = 6 }, .port = 80 };
	conn_decide_again(&conn);
	ck_assert_int_eq(conn.state, CONN_IDENTIFY);
	ck_assert_ptr_nonnull(conn.exchange);
	exchange_free(&conn);
	free(proxy.spare_exchange);
	loop_free(proxy.loop);
	policy_free(proxy.policy);
}
END_TEST

Suite *conn_policy_suite(void);
Suite *conn_policy_suite(void)
{
	Suite *s = suite_create("conn_policy");
	TCase *tc = tcase_create("conn_policy");

	tcase_add_test(tc, a_transparent_connection_that_is_not_decided_yet_goes_on);
	suite_add_tcase(s, tc);
	return s;
}
