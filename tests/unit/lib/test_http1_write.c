/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "lib/cleanup.h"
#include "lib/http1_write.h"

static const struct {
	const char *in, *want;
	const char *via;
	bool close;
	const char *upgrade;
} requests[] = {
	{ "GET http://a.test/x HTTP/1.1\r\nHost: A.Test\r\n\r\n",
	  "GET /c?q HTTP/1.1\r\nHost: a.test\r\n\r\n", NULL, false, NULL },
	{ "GET / HTTP/1.0\r\n\r\n",
	  "GET /c?q HTTP/1.1\r\nHost: a.test\r\nVia: 1.0 us\r\nConnection: close\r\n\r\n", "us",
	  true, NULL },
	{ "POST / HTTP/1.1\r\nHost: a\r\ncontent-length: 007\r\nContent-Length: 7\r\n\r\n",
	  "POST /c?q HTTP/1.1\r\nHost: a.test\r\nContent-Length: 7\r\n\r\n", NULL, false, NULL },
	{ "POST / HTTP/1.1\r\nHost: a\r\nTRANSFER-encoding:  Chunked\r\nB:c\r\n\r\n",
	  "POST /c?q HTTP/1.1\r\nHost: a.test\r\nB: c\r\nTransfer-Encoding: chunked\r\n\r\n", NULL,
	  false, NULL },
	{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: x-one, Keep-Alive\r\nX-One: 1\r\nx-ONE: 2\r\n"
	  "X-Two: 2\r\nKeep-Alive: timeout=5\r\nTE: trailers\r\nTrailer: X\r\nUpgrade: h2c\r\n"
	  "Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic eDp5\r\nProxy-Foo: 1\r\n"
	  "Proxy: 1\r\nCookie: c\r\nCookie: d\r\n\r\n",
	  "GET /c?q HTTP/1.1\r\nHost: a.test\r\nX-Two: 2\r\nProxy: 1\r\nCookie: c\r\nCookie: d\r\n"
	  "\r\n",
	  NULL, false, NULL },
	{ "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n",
	  "POST /c?q HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n",
	  NULL, false, NULL },
	{ "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nConnection: expect\r\n\r\n",
	  "POST /c?q HTTP/1.1\r\nHost: a.test\r\n\r\n", NULL, false, NULL },
	{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: "
	  "x-long-long-long-long-long-long-long-long-long-long-long-long-long-long-name\r\nX-LONG-"
	  "LONG-LONG-LONG-LONG-LONG-LONG-LONG-LONG-LONG-LONG-LONG-LONG-LONG-NAME: 1\r\n\r\n",
	  "GET /c?q HTTP/1.1\r\nHost: a.test\r\n\r\n", NULL, false, NULL },
	{ "GET / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
	  "GET /c?q HTTP/1.1\r\nHost: a.test\r\n\r\n", NULL, false, NULL },
	{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: x, UPGRADE\r\nUpgrade: h2c, WebSocket\r\n"
	  "Upgrade: y\r\nX: y\r\nSec-WebSocket-Key: z\r\n\r\n",
	  "GET /c?q HTTP/1.1\r\nHost: a.test\r\nSec-WebSocket-Key: z\r\nConnection: Upgrade\r\n"
	  "Upgrade: websocket\r\n\r\n",
	  NULL, false, "websocket" },
};

START_TEST(a_request_goes_on_as_it_was_understood)
{
	AUTO(buf_done) struct buf out = buf_init(4096);
	struct http1_forward forward = {
		.target = slice_text("/c"),
		.query = slice_text("q"),
		.has_query = true,
		.host = slice_text("a.test"),
		.via = requests[_i].via,
		.close = requests[_i].close,
		.upgrade = requests[_i].upgrade,
	};
	struct http1_request r;
	enum http1_fault fault;

	ck_assert_int_eq(http1_request_parse(slice_text(requests[_i].in), &r, &fault), PARSE_OK);
	http1_write_request(&r, &forward, &out);
	ck_assert_str_eq(buf_text(&out), requests[_i].want);
}
END_TEST

static const struct {
	const char *in, *want;
	enum http1_asked asked;
	struct http1_answer answer;
} responses[] = {
	{ "HTTP/1.0 200 OK\r\nServer: x\r\n\r\n",
	  "HTTP/1.1 200 OK\r\nServer: x\r\nTransfer-Encoding: chunked\r\n\r\n",
	  0,
	  { HTTP1_BODY_CHUNKED, false, false, NULL } },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\nConnection: x\r\nX: y\r\n"
	  "Keep-Alive: 5\r\nUpgrade: h2\r\nProxy-Authenticate: Basic\r\nSet-Cookie: a\r\n"
	  "Set-Cookie: b\r\n\r\n",
	  "HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nConnection: close\r\n\r\n",
	  0,
	  { HTTP1_BODY_UNTIL_CLOSE, true, false, NULL } },
	{ "HTTP/1.1 200\r\nContent-Length: 3\r\n\r\n",
	  "HTTP/1.1 200 \r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\n",
	  0,
	  { HTTP1_BODY_LENGTH, false, true, NULL } },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n",
	  "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n",
	  HTTP1_ASKED_HEAD,
	  { HTTP1_BODY_NONE, false, false, NULL } },
	{ "HTTP/1.1 304 x\r\nContent-Length: 3\r\n\r\n",
	  "HTTP/1.1 304 x\r\nContent-Length: 3\r\n\r\n",
	  0,
	  { HTTP1_BODY_NONE, false, false, NULL } },
	{ "HTTP/1.1 204 x\r\nContent-Length: 3\r\n\r\n",
	  "HTTP/1.1 204 x\r\n\r\n",
	  0,
	  { HTTP1_BODY_NONE, false, false, NULL } },
	{ "HTTP/1.1 100 Continue\r\nContent-Length: 3\r\n\r\n",
	  "HTTP/1.1 100 Continue\r\n\r\n",
	  0,
	  { HTTP1_BODY_NONE, false, false, NULL } },
	{ "HTTP/1.1 101 x\r\nUpgrade: WebSocket\r\nConnection: upgrade, x\r\nX: y\r\n\r\n",
	  "HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
	  0,
	  { HTTP1_BODY_NONE, false, false, "websocket" } },
};

START_TEST(a_response_goes_back_as_it_was_understood)
{
	AUTO(buf_done) struct buf out = buf_init(4096);
	struct http1_response r;
	enum http1_fault fault;

	ck_assert_int_eq(http1_response_parse(slice_text(responses[_i].in), responses[_i].asked, &r,
					      &fault),
			 PARSE_OK);
	http1_write_response(&r, &responses[_i].answer, &out);
	ck_assert_str_eq(buf_text(&out), responses[_i].want);
}
END_TEST

static const struct {
	const char *text, *host;
	int port; /* -1: none, -2: refused */
} authorities[] = {
	{ "a", "a", -1 },
	{ "a.b-c_d.E9", "a.b-c_d.E9", -1 },
	{ "a:1", "a", 1 },
	{ "a:65535", "a", 65535 },
	{ "192.0.2.1:80", "192.0.2.1", 80 },
	{ "[::]", "::", -1 },
	{ "[::ffff:1.2.3.4]:443", "::ffff:1.2.3.4", 443 },
	{ "", "", -2 },
	{ ":80", "", -2 },
	{ "a:", "", -2 },
	{ "a:0", "", -2 },
	{ "a:01", "", -2 },
	{ "a:65536", "", -2 },
	{ "a:100000", "", -2 },
	{ "a:8o", "", -2 },
	{ "a:1:2", "", -2 },
	{ "[]", "", -2 },
	{ "[::1", "", -2 },
	{ "[::1]x", "", -2 },
	{ "[::1]:", "", -2 },
	{ "[a.test]", "", -2 },
	{ "::1", "", -2 },
	{ "a@b", "", -2 },
	{ "a%41", "", -2 },
	{ "a b", "", -2 },
	{ "a/b", "", -2 },
	{ "\xc3\xa9", "", -2 },
};

START_TEST(an_authority_is_host_and_port_or_refused)
{
	struct http1_authority a = { 0 };
	bool good = http1_authority_parse(slice_text(authorities[_i].text), &a);

	ck_assert_int_eq(good, authorities[_i].port != -2);
	ck_assert_uint_eq(a.host.n, strlen(authorities[_i].host));
	ck_assert(a.host.n == 0 || memcmp(a.host.p, authorities[_i].host, a.host.n) == 0);
	ck_assert_int_eq(a.has_port, authorities[_i].port > 0);
	if (a.has_port)
		ck_assert_int_eq(a.port, authorities[_i].port);
}
END_TEST

Suite *http1_write_suite(void);
Suite *http1_write_suite(void)
{
	Suite *s = suite_create("http1_write");
	TCase *tc = tcase_create("http1_write");

	tcase_add_loop_test(tc, a_request_goes_on_as_it_was_understood, 0,
			    (int)ARRAY_LEN(requests));
	tcase_add_loop_test(tc, a_response_goes_back_as_it_was_understood, 0,
			    (int)ARRAY_LEN(responses));
	tcase_add_loop_test(tc, an_authority_is_host_and_port_or_refused, 0,
			    (int)ARRAY_LEN(authorities));
	suite_add_tcase(s, tc);
	return s;
}
