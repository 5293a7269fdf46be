/* SPDX-License-Identifier: Apache-2.0 */
/* What a fence refuses to be asked for; the rest takes root (tests/e2e/test_fence.py). */
#include <check.h>
#include <netinet/in.h>
#include <string.h>

#include "agent/net/fence.h"
#include "lib/cleanup.h"

static const struct {
	struct fence_config config;
	enum err_code want;
	const char *complaint;
} refused[] = {
	{ { .proxy_port = 3128 }, ERR_INVALID, "UID must not be 0" },
	{ { .proxy_uid = UINT32_MAX, .proxy_port = 3128 }, ERR_INVALID, "UID must not be -1" },
	{ { .proxy_uid = 1337 }, ERR_INVALID, "needs a port" },
	{ { .proxy_uid = 1337,
	    .proxy_port = 3128,
	    .inbound = { { 0, IPPROTO_TCP } },
	    .n_inbound = 1 },
	  ERR_INVALID,
	  "inbound port 0" },
	{ { .proxy_uid = 1337,
	    .proxy_port = 3128,
	    .inbound = { { 80, IPPROTO_SCTP } },
	    .n_inbound = 1 },
	  ERR_INVALID,
	  "TCP or UDP" },
	{ { .proxy_uid = 1337,
	    .proxy_port = 3128,
	    .inbound = { { 80, IPPROTO_TCP }, { 3128, IPPROTO_TCP } },
	    .n_inbound = 2 },
	  ERR_INVALID,
	  "port 3128 is the sandbox's own" },
	{ { .proxy_uid = 1337,
	    .proxy_port = 3128,
	    .own = { 15090 },
	    .n_own = 1,
	    .inbound = { { 15090, IPPROTO_UDP } },
	    .n_inbound = 1 },
	  ERR_INVALID,
	  "port 15090" },
	{ { .proxy_uid = 1337,
	    .proxy_port = 3128,
	    .transparent_port = 15001,
	    .inbound = { { 15001, IPPROTO_TCP } },
	    .n_inbound = 1 },
	  ERR_INVALID,
	  "port 15001" },
	{ { .proxy_uid = 1337, .proxy_port = 3128, .n_inbound = NFT_RULES_PORTS_MAX + 1 },
	  ERR_LIMIT,
	  "more than 64" },
	{ { .proxy_uid = 1337, .proxy_port = 3128, .n_own = FENCE_OWN_PORTS_MAX + 1 },
	  ERR_LIMIT,
	  "more than" },
};

START_TEST(what_makes_no_fence_is_refused_before_anything_is_touched)
{
	struct fence fence = FENCE_INIT;
	struct err err = { 0 };

	fence.first_port = 42;
	ck_assert_int_eq(fence_build(&refused[_i].config, &fence, &err), -1);
	ck_assert_int_eq(err.code, refused[_i].want);
	ck_assert_msg(strstr(err.msg, refused[_i].complaint) != NULL, "%s", err.msg);
	ck_assert_int_eq(fence.first_port, 42);
}
END_TEST

START_TEST(an_unbuilt_fence_can_be_let_go)
{
	struct fence fence = FENCE_INIT;

	fence_done(&fence);
	fence_done(&fence);
	ck_assert_int_eq(fence.inner_reports_fd, -1);
}
END_TEST

START_TEST(only_our_own_probe_is_taken_for_it)
{
	struct address v4 = address_v4((const uint8_t[]){ 192, 0, 2, 1 });
	struct address v6 = { { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } };

	ck_assert(probe_is_target(v4, 9));
	ck_assert(probe_is_target(v6, 9));
	ck_assert(!probe_is_target(v4, 53));
	v4.bytes[15] = 2;
	v6.bytes[15] = 2;
	ck_assert(!probe_is_target(v4, 9));
	ck_assert(!probe_is_target(v6, 9));
}
END_TEST

Suite *fence_suite(void);
Suite *fence_suite(void)
{
	Suite *s = suite_create("fence");
	TCase *tc = tcase_create("fence");

	tcase_add_loop_test(tc, what_makes_no_fence_is_refused_before_anything_is_touched, 0,
			    (int)ARRAY_LEN(refused));
	tcase_add_test(tc, an_unbuilt_fence_can_be_let_go);
	tcase_add_test(tc, only_our_own_probe_is_taken_for_it);
	suite_add_tcase(s, tc);
	return s;
}
