/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "webhook/upstream.h"

static const struct {
	struct upstream upstream;
	const char *reason; /* NULL: taken */
} checks[] = {
	{ { .url = NULL }, NULL },
	{ { .url = "http://proxy.corp:3128" }, NULL },
	{ { .url = "http://[fd00::1]:8080", .no_proxy = "*", .by_hostname = true }, NULL },
	{ { .url = "" }, "--upstream-proxy is not" },
	{ { .url = "proxy.corp:3128" }, "--upstream-proxy is not" },
	{ { .url = "https://proxy.corp:3128" }, "--upstream-proxy is not" },
	{ { .url = "http://proxy.corp" }, "--upstream-proxy is not" },
	{ { .url = "http://user:secret@proxy.corp:3128" }, "--upstream-proxy is not" },
	{ { .url = "http://proxy.corp:3128/" }, "--upstream-proxy is not" },
	{ { .url = "http://proxy.corp:3128?x" }, "--upstream-proxy is not" },
	{ { .url = "http://proxy.corp:99999" }, "--upstream-proxy is not" },
	{ { .url = "http://proxy.corp:3128", .no_proxy = "" }, "--upstream-no-proxy is empty" },
	{ { .no_proxy = "*" }, "need --upstream-proxy" },
	{ { .by_hostname = true }, "need --upstream-proxy" },
	{ { .url = "http://p:1", .auth_secret = "creds", .auth_insecure = true }, NULL },
	{ { .url = "http://p:1", .auth_secret = "c", .auth_key = "a.b-c_D", .auth_insecure = true },
	  NULL },
	{ { .url = "http://p:1", .auth_secret = "creds" }, "-auth-allow-insecure must allow" },
	{ { .url = "http://p:1", .auth_secret = "Creds", .auth_insecure = true },
	  "not the name of a" },
	{ { .url = "http://p:1", .auth_secret = "", .auth_insecure = true }, "not the name of a" },
	{ { .url = "http://p:1", .auth_secret = "c", .auth_key = "", .auth_insecure = true },
	  "is not the key" },
	{ { .url = "http://p:1", .auth_secret = "c", .auth_key = "../x", .auth_insecure = true },
	  "is not the key" },
	{ { .url = "http://p:1", .auth_secret = "c", .auth_key = "a/b", .auth_insecure = true },
	  "is not the key" },
	{ { .url = "http://p:1", .auth_key = "user" }, "need --upstream-proxy-auth-" },
	{ { .url = "http://p:1", .auth_insecure = true }, "need --upstream-proxy-auth-" },
	{ { .auth_secret = "creds", .auth_insecure = true }, "need --upstream-proxy" },
};

START_TEST(what_the_agent_would_not_start_with_is_refused)
{
	struct err err = { 0 };
	int result = upstream_check(&checks[_i].upstream, &err);

	ck_assert_int_eq(result, checks[_i].reason == NULL ? 0 : -1);
	if (checks[_i].reason != NULL)
		ck_assert_msg(strstr(err.msg, checks[_i].reason) != NULL, "%s", err.msg);
	ck_assert_ptr_null(strstr(err.msg, "user:secret"));
}
END_TEST

START_TEST(without_one_the_agent_is_told_nothing)
{
	const struct upstream none = { 0 };
	AUTO(json_drop) json_t *command = json_array();

	upstream_push(&none, command);
	ck_assert_uint_eq(json_array_size(command), 0);
}
END_TEST

Suite *upstream_suite(void);
Suite *upstream_suite(void)
{
	Suite *s = suite_create("upstream");
	TCase *tc = tcase_create("upstream");

	tcase_add_loop_test(tc, what_the_agent_would_not_start_with_is_refused, 0,
			    (int)ARRAY_LEN(checks));
	tcase_add_test(tc, without_one_the_agent_is_told_nothing);
	suite_add_tcase(s, tc);
	return s;
}
