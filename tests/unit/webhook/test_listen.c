/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/listen.h"

static const char *const refused[] = {
	"",           "8443",        "localhost:8443",  "127.0.0.1",
	"127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "::1:8443",
	"[::1:8443",  "[]:8443",     "1.2.3:8443",      "127.0.0.1:-1",
};

START_TEST(an_address_that_is_none_is_refused)
{
	char bound[LISTEN_TEXT_MAX];
	int fd = -1;
	struct err err = { 0 };

	ck_assert_int_eq(listen_open(refused[_i], &fd, bound, &err), -1);
	ck_assert_int_eq(err.code, ERR_INVALID);
	ck_assert_int_eq(fd, -1);
}
END_TEST

START_TEST(port_zero_lets_the_kernel_choose)
{
	char bound[LISTEN_TEXT_MAX], again[LISTEN_TEXT_MAX];
	AUTO_FD int fd = -1;
	int second = -1;
	struct err err = { 0 };

	ck_assert_msg(listen_open("127.0.0.1:0", &fd, bound, &err) == 0, "%s", err.msg);
	ck_assert_msg(strncmp(bound, "127.0.0.1:", 10) == 0 && strcmp(bound, "127.0.0.1:0") != 0,
		      "%s", bound);
	ck_assert_int_eq(listen_open(bound, &second, again, &err), -1);
	ck_assert_int_eq(err.code, ERR_SYS);
}
END_TEST

Suite *listen_suite(void);
Suite *listen_suite(void)
{
	Suite *suite = suite_create("listen");
	TCase *each = tcase_create("listen");

	tcase_add_loop_test(each, an_address_that_is_none_is_refused, 0, (int)ARRAY_LEN(refused));
	tcase_add_test(each, port_zero_lets_the_kernel_choose);
	suite_add_tcase(suite, each);
	return suite;
}
