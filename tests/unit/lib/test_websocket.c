/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/websocket.h"

#include <check.h>

#include "lib/cleanup.h"
#include "lib/mem.h"

/* Key and answer are the example of RFC 6455, 1.3. */
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

static const struct {
	const char *method, *fields;
	const char *says; /* NULL: it is a handshake */
} requests[] = {
	{ "GET", KEY VERSION, NULL },
	{ "GET", KEY VERSION "Content-Length: 0\r\n", NULL },
	{ "GET", "SEC-websocket-KEY:  dGhlIHNhbXBsZSBub25jZQ== \r\n" VERSION, NULL },
	{ "POST", KEY VERSION, "with GET" },
	{ "GET", KEY VERSION "Content-Length: 1\r\n", "no body" },
	{ "GET", KEY VERSION "Transfer-Encoding: chunked\r\n", "no body" },
	{ "GET", KEY, "version" },
	{ "GET", KEY "Sec-WebSocket-Version: 8\r\n", "version" },
	{ "GET", KEY "Sec-WebSocket-Version: 013\r\n", "version" },
	{ "GET", KEY "Sec-WebSocket-Version: 13, 8\r\n", "version" },
	{ "GET", KEY VERSION VERSION, "version" },
	{ "GET", VERSION, "Key" },
	{ "GET", KEY KEY VERSION, "Key" },
	{ "GET", VERSION "Sec-WebSocket-Key:\r\n", "Key" },
	{ "GET", VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=\r\n", "Key" },
	{ "GET", VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ===\r\n", "Key" },
	{ "GET", VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQxx\r\n", "Key" },
	{ "GET", VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSB-b25jZQ==\r\n", "Key" },
};

START_TEST(a_handshake_is_one_of_version_13)
{
	AUTO_FREE char *text = mem_printf("%s / HTTP/1.1\r\nHost: a\r\n%s\r\n", requests[_i].method,
					  requests[_i].fields);
	char accept[WEBSOCKET_ACCEPT_SIZE] = "untouched";
	struct http1_request request;
	enum http1_fault fault;
	struct err err = { 0 };

	ck_assert_int_eq(http1_request_parse(slice_text(text), &request, &fault), PARSE_OK);
	int result = websocket_read_request(&request, accept, &err);
	if (requests[_i].says == NULL) {
		ck_assert_int_eq(result, 0);
		ck_assert_str_eq(accept, ACCEPT);
		return;
	}
	ck_assert_int_eq(result, -1);
	ck_assert_str_eq(accept, "untouched");
	ck_assert_msg(strstr(err.msg, requests[_i].says) != NULL, "%s", err.msg);
}
END_TEST

#define UPGRADE "Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"
#define TOLD "Sec-WebSocket-Accept: " ACCEPT "\r\n"

static const struct {
	const char *fields;
	bool accepted;
} responses[] = {
	{ UPGRADE TOLD, true },
	{ UPGRADE TOLD "Content-Length: 0\r\n", true },
	{ UPGRADE TOLD "Sec-WebSocket-Protocol: x\r\n", true },
	{ UPGRADE, false },
	{ UPGRADE TOLD TOLD, false },
	{ UPGRADE "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", false },
	{ UPGRADE "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo\r\n", false },
	{ UPGRADE "Sec-WebSocket-Accept:\r\n", false },
	{ "Connection: Upgrade\r\n" TOLD, false },
	{ "Upgrade: websocket\r\n" TOLD, false },
	{ "Upgrade: websocket\r\nConnection: close\r\n" TOLD, false },
	{ "Upgrade: h2c\r\nConnection: Upgrade\r\n" TOLD, false },
	{ "Upgrade: h2c, websocket\r\nConnection: Upgrade\r\n" TOLD, false },
	{ UPGRADE TOLD "Content-Length: 5\r\n", false },
	{ UPGRADE TOLD "Transfer-Encoding: chunked\r\n", false },
};

START_TEST(a_server_proves_that_it_accepts)
{
	AUTO_FREE char *text =
		mem_printf("HTTP/1.1 101 Switching Protocols\r\n%s\r\n", responses[_i].fields);
	struct http1_response response;
	enum http1_fault fault;

	ck_assert_int_eq(http1_response_parse(slice_text(text), HTTP1_ASKED_OTHER, &response,
					      &fault),
			 PARSE_OK);
	ck_assert_int_eq(websocket_is_accepted(&response, ACCEPT), responses[_i].accepted);
}
END_TEST

Suite *websocket_suite(void);
Suite *websocket_suite(void)
{
	Suite *s = suite_create("websocket");
	TCase *tc = tcase_create("websocket");

	tcase_add_loop_test(tc, a_handshake_is_one_of_version_13, 0, (int)ARRAY_LEN(requests));
	tcase_add_loop_test(tc, a_server_proves_that_it_accepts, 0, (int)ARRAY_LEN(responses));
	suite_add_tcase(s, tc);
	return s;
}
