/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "agent/proxy/credentials.h"
#include "lib/cleanup.h"
#include "lib/http1_request.h"
#include "lib/mem.h"

static const struct {
	const char *text, *field; /* field NULL: refused */
} credentials[] = {
	{ "user:pass", "Basic dXNlcjpwYXNz" },
	{ "user:pass\n", "Basic dXNlcjpwYXNz" },
	{ "user:", "Basic dXNlcjo=" },
	{ "user:pa:ss", "Basic dXNlcjpwYTpzcw==" },
	{ "", NULL },
	{ "\n", NULL },
	{ "user", NULL },
	{ ":pass", NULL },
	{ "user:pass\n\n", NULL },
	{ "user:pass\r\n", NULL },
	{ "user:pa\tss", NULL },
	{ "us\x7f:pass", NULL },
};

START_TEST(credentials_become_a_field_and_are_never_quoted)
{
	AUTO(credentials_done) struct buf field = buf_init(CREDENTIALS_FIELD_MAX);
	struct err err = { 0 };
	int result = credentials_read(slice_text(credentials[_i].text), &field, &err);

	ck_assert_int_eq(result, credentials[_i].field == NULL ? -1 : 0);
	ck_assert_str_eq(buf_text(&field),
			 credentials[_i].field != NULL ? credentials[_i].field : "");
	ck_assert(strstr(err.msg, "pa") == NULL && strstr(err.msg, "us") == NULL);
}
END_TEST

START_TEST(credentials_have_their_limit)
{
	AUTO(credentials_done) struct buf field = buf_init(CREDENTIALS_FIELD_MAX);
	AUTO_FREE char *text = mem_calloc(CREDENTIALS_MAX + 2, 1);
	struct err err = { 0 };

	memset(text, 'x', CREDENTIALS_MAX);
	text[1] = ':';
	ck_assert_int_eq(credentials_read(slice_text(text), &field, &err), 0);
	ck_assert(!field.overflow);
	text[CREDENTIALS_MAX] = 'x';
	ck_assert_int_eq(credentials_read(slice_text(text), &field, &err), -1);
	ck_assert_int_eq(err.code, ERR_LIMIT);
}
END_TEST

#define NAMED "Proxy-Authorization: "

static const struct {
	const char *fields;
	bool match;
} requests[] = {
	{ NAMED "Basic dXNlcjpwYXNz\r\n", true },
	{ "proxy-authorization:basic   dXNlcjpwYXNz \r\n", true },
	{ "Connection: proxy-authorization\r\n" NAMED "Basic dXNlcjpwYXNz\r\n", true },
	{ "", false },
	{ "Authorization: Basic dXNlcjpwYXNz\r\n", false },
	{ NAMED "\r\n", false },
	{ NAMED "Basic\r\n", false },
	{ NAMED "Basic dXNlcjpwYXN6\r\n", false },
	{ NAMED "Basic dXNlcjpwYXN\r\n", false },
	{ NAMED "Basic dXNlcjpwYXNzMQ==\r\n", false },
	{ NAMED "Basic dXNlcjpwYXNz x\r\n", false },
	{ NAMED "BasicdXNlcjpwYXNz\r\n", false },
	{ NAMED "Bearer dXNlcjpwYXNz\r\n", false },
	{ NAMED "Basic dXNlcjpwYXNz\r\n" NAMED "Basic dXNlcjpwYXNz\r\n", false },
	{ NAMED "Basic dXNlcjpwYXNz, Basic x\r\n", false },
};

START_TEST(a_request_names_them_once_and_whole)
{
	AUTO_FREE char *text = mem_printf("GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n%s\r\n",
					  requests[_i].fields);
	struct http1_request request;
	enum http1_fault fault;

	ck_assert_int_eq(http1_request_parse(slice_text(text), &request, &fault), PARSE_OK);
	ck_assert_int_eq(credentials_match("Basic dXNlcjpwYXNz", &request.head),
			 requests[_i].match);
}
END_TEST

Suite *credentials_suite(void);
Suite *credentials_suite(void)
{
	Suite *s = suite_create("credentials");
	TCase *tc = tcase_create("credentials");

	tcase_add_loop_test(tc, credentials_become_a_field_and_are_never_quoted, 0,
			    (int)ARRAY_LEN(credentials));
	tcase_add_test(tc, credentials_have_their_limit);
	tcase_add_loop_test(tc, a_request_names_them_once_and_whole, 0, (int)ARRAY_LEN(requests));
	suite_add_tcase(s, tc);
	return s;
}
