/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/http1_request.h"
#include "lib/mem.h"

#define H "Host: a.test\r\n"

static const struct {
	const char *in;
	enum http1_form form;
	const char *method, *host; /* host of the target, else of the Host field */
	uint16_t port; /* 0: none */
	const char *path;
	enum http1_framing framing;
	uint64_t length;
	bool keep_alive;
} accepted[] = {
	{ "GET / HTTP/1.1\r\n" H "\r\n", HTTP1_ORIGIN_FORM, "GET", "a.test", 0, "/", 0, 0, true },
	{ "GET /a?b=c HTTP/1.0\r\n\r\n", HTTP1_ORIGIN_FORM, "GET", "", 0, "/a?b=c", 0, 0, false },
	{ "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", HTTP1_ORIGIN_FORM, "GET", "", 0, "/",
	  0, 0, true },
	{ "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", HTTP1_ORIGIN_FORM, "GET", "",
	  0, "/", 0, 0, false },
	{ "GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\n", HTTP1_ORIGIN_FORM, "GET", "a.test", 0,
	  "/", 0, 0, false },
	{ "GET / HTTP/1.1\r\n" H "Connection: x\r\nConnection: CLOSE\r\n\r\n", HTTP1_ORIGIN_FORM,
	  "GET", "a.test", 0, "/", 0, 0, false },
	{ "POST /x HTTP/1.1\r\n" H "Content-Length: 12\r\n\r\n", HTTP1_ORIGIN_FORM, "POST",
	  "a.test", 0, "/x", HTTP1_BODY_LENGTH, 12, true },
	{ "POST /x HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", HTTP1_ORIGIN_FORM, "POST", "a.test",
	  0, "/x", HTTP1_BODY_LENGTH, 0, true },
	{ "POST /x HTTP/1.1\r\n" H "content-length: 7\r\nContent-Length: 007\r\n\r\n",
	  HTTP1_ORIGIN_FORM, "POST", "a.test", 0, "/x", HTTP1_BODY_LENGTH, 7, true },
	{ "POST /x HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n", HTTP1_ORIGIN_FORM, "POST",
	  "a.test", 0, "/x", HTTP1_BODY_CHUNKED, 0, true },
	{ "POST /x HTTP/1.1\r\n" H "TRANSFER-ENCODING:\t ChUnKeD \t\r\n\r\n", HTTP1_ORIGIN_FORM,
	  "POST", "a.test", 0, "/x", HTTP1_BODY_CHUNKED, 0, true },
	{ "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n", HTTP1_AUTHORITY_FORM,
	  "CONNECT", "a.test", 443, "", 0, 0, true },
	{ "CONNECT a.test:443 HTTP/1.0\r\n\r\n", HTTP1_AUTHORITY_FORM, "CONNECT", "a.test", 443, "",
	  0, 0, false },
	{ "CONNECT a.test:443 HTTP/1.0\r\nContent-Length: 0\r\n\r\n", HTTP1_AUTHORITY_FORM,
	  "CONNECT", "a.test", 443, "", HTTP1_BODY_LENGTH, 0, false },
	{ "CONNECT [2001:db8::1]:8443 HTTP/1.1\r\nHost: x\r\n\r\n", HTTP1_AUTHORITY_FORM, "CONNECT",
	  "2001:db8::1", 8443, "", 0, 0, true },
	{ "GET http://a.test/x?y HTTP/1.1\r\n" H "\r\n", HTTP1_ABSOLUTE_FORM, "GET", "a.test", 0,
	  "/x?y", 0, 0, true },
	{ "GET http://a.test:8080 HTTP/1.1\r\n" H "\r\n", HTTP1_ABSOLUTE_FORM, "GET", "a.test",
	  8080, "", 0, 0, true },
	{ "GET HTTP://[::1]:1?q HTTP/1.1\r\n" H "\r\n", HTTP1_ABSOLUTE_FORM, "GET", "::1", 1, "?q",
	  0, 0, true },
	{ "GET foo+b.c-1://a_b.test/ HTTP/1.1\r\n" H "\r\n", HTTP1_ABSOLUTE_FORM, "GET", "a_b.test",
	  0, "/", 0, 0, true },
	{ "OPTIONS * HTTP/1.1\r\n" H "\r\n", HTTP1_ASTERISK_FORM, "OPTIONS", "a.test", 0, "", 0, 0,
	  true },
	{ "M-S!#$%&'*+.^_`|~9 /\"<>\\{}|^` HTTP/1.1\r\n" H "\r\n", HTTP1_ORIGIN_FORM,
	  "M-S!#$%&'*+.^_`|~9", "a.test", 0, "/\"<>\\{}|^`", 0, 0, true },
	{ "GET / HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\n\r\n", HTTP1_ORIGIN_FORM, "GET",
	  "2001:db8::1", 8080, "/", 0, 0, true },
	{ "GET / HTTP/1.1\r\nHost:a.test:65535\r\nA:\r\nB: \xc3\xa9\t\x80\r\n\r\n",
	  HTTP1_ORIGIN_FORM, "GET", "a.test", 65535, "/", 0, 0, true },
	{ "GET / HTTP/1.1\r\n" H "Expect: 100-Continue\r\nX_Y: z\r\n\r\n", HTTP1_ORIGIN_FORM, "GET",
	  "a.test", 0, "/", 0, 0, true },
	{ "GET / HTTP/1.0\r\nExpect: tea\r\n\r\n", HTTP1_ORIGIN_FORM, "GET", "", 0, "/", 0, 0,
	  false },
};

#define LONG_METHOD "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG" /* 33 */

static const struct {
	const char *in;
	enum http1_fault fault;
	int status;
} refused[] = {
	/* Line ends. */
	{ "GET / HTTP/1.1\n" H "\r\n", HTTP1_FAULT_BARE_LF, 400 },
	{ "GET / HTTP/1.1\r\nHost: a\n\r\n", HTTP1_FAULT_BARE_LF, 400 },
	{ "GET / HTTP/1.1\r\n" H "\n", HTTP1_FAULT_BARE_LF, 400 },
	{ "GET / HTTP/1.1\r\n" H "A: b\rC: d\r\n\r\n", HTTP1_FAULT_CONTROL, 400 },
	{ "GET / HTTP/1.1\r\n" H "A: b\r\r\n\r\n", HTTP1_FAULT_CONTROL, 400 },
	{ "GET / HTTP/1.1\r\n" H "\r\r\n", HTTP1_FAULT_FIELD_NAME, 400 },
	{ "\r\nGET / HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_METHOD, 400 },
	{ "\nGET / HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_METHOD, 400 },
	/* Request line. */
	{ " GET / HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_METHOD, 400 },
	{ "GE(T / HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_METHOD, 400 },
	{ "GET\t/ HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_METHOD, 400 },
	{ "GET\r\n\r\n", HTTP1_FAULT_METHOD, 400 },
	{ "\x16\x03\x01\x02", HTTP1_FAULT_METHOD, 400 },
	{ LONG_METHOD " / HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_METHOD, 400 },
	{ "GET /\r\n" H "\r\n", HTTP1_FAULT_REQUEST_LINE, 400 },
	{ "GET /  HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_REQUEST_LINE, 400 },
	{ "GET  / HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_REQUEST_LINE, 400 },
	{ "GET / a HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_REQUEST_LINE, 400 },
	{ "GET / HTTP/1.1 \r\n" H "\r\n", HTTP1_FAULT_VERSION, 505 },
	{ "GET / HTTP/1.2\r\n" H "\r\n", HTTP1_FAULT_VERSION, 505 },
	{ "GET / HTTP/2.0\r\n" H "\r\n", HTTP1_FAULT_VERSION, 505 },
	{ "GET / HTTP/0.9\r\n" H "\r\n", HTTP1_FAULT_VERSION, 505 },
	{ "GET / HTTP/1.11\r\n" H "\r\n", HTTP1_FAULT_VERSION, 505 },
	{ "GET / http/1.1\r\n" H "\r\n", HTTP1_FAULT_REQUEST_LINE, 400 },
	{ "GET / ICAP/1.1\r\n" H "\r\n", HTTP1_FAULT_REQUEST_LINE, 400 },
	{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", HTTP1_FAULT_VERSION, 505 },
	{ "get / HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_METHOD_CASE, 400 },
	{ "Head / HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_METHOD_CASE, 400 },
	/* Targets. */
	{ "GET * HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_TARGET, 400 },
	{ "GET a.test:80 HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_TARGET, 400 },
	{ "GET x HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_TARGET, 400 },
	{ "GET /a#b HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_TARGET, 400 },
	{ "GET /a\x7f HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_TARGET, 400 },
	{ "GET /a\x0b HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_TARGET, 400 },
	{ "GET /a\rb HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_TARGET, 400 },
	{ "GET /\xc3\xa9 HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_TARGET, 400 },
	{ "GET http:/a.test/ HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_TARGET, 400 },
	{ "GET http:///x HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_TARGET, 400 },
	{ "GET ://a.test/ HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_TARGET, 400 },
	{ "GET 1http://a.test/ HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_TARGET, 400 },
	{ "GET http://u@a.test/ HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_TARGET, 400 },
	{ "GET http://u:p@a.test/ HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_TARGET, 400 },
	{ "GET http://a.test:0/ HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_TARGET, 400 },
	{ "GET http://a.test:/ HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_TARGET, 400 },
	{ "GET http://a.test:080/ HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_TARGET, 400 },
	{ "GET http://a.test:65536/ HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_TARGET, 400 },
	{ "GET http://a%2etest/ HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_TARGET, 400 },
	{ "GET http://a.test\\@b.test/ HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_TARGET, 400 },
	{ "GET http://[::1/ HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_TARGET, 400 },
	{ "GET http://[fe80::1%25eth0]/ HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_TARGET, 400 },
	{ "CONNECT a.test HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_TARGET, 400 },
	{ "CONNECT a.test:0 HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_TARGET, 400 },
	{ "CONNECT a.test:+443 HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_TARGET, 400 },
	{ "CONNECT a.test:443:443 HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_TARGET, 400 },
	{ "CONNECT :443 HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_TARGET, 400 },
	{ "CONNECT 2001:db8::1:443 HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_TARGET, 400 },
	{ "CONNECT http://a.test:443/ HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_TARGET, 400 },
	{ "CONNECT / HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_TARGET, 400 },
	{ "CONNECT * HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_TARGET, 400 },
	{ "connect a.test:443 HTTP/1.1\r\n" H "\r\n", HTTP1_FAULT_METHOD_CASE, 400 },
	/* Fields. */
	{ "GET / HTTP/1.1\r\n" H "A: b\r\n c\r\n\r\n", HTTP1_FAULT_FOLDED, 400 },
	{ "GET / HTTP/1.1\r\n" H "A: b\r\n\tc\r\n\r\n", HTTP1_FAULT_FOLDED, 400 },
	{ "GET / HTTP/1.1\r\n Host: a\r\n\r\n", HTTP1_FAULT_FOLDED, 400 },
	{ "GET / HTTP/1.1\r\nHost : a\r\n\r\n", HTTP1_FAULT_FIELD_NAME, 400 },
	{ "GET / HTTP/1.1\r\nHost\t: a\r\n\r\n", HTTP1_FAULT_FIELD_NAME, 400 },
	{ "GET / HTTP/1.1\r\n" H ": b\r\n\r\n", HTTP1_FAULT_FIELD_NAME, 400 },
	{ "GET / HTTP/1.1\r\n" H "Ab\r\n\r\n", HTTP1_FAULT_FIELD_NAME, 400 },
	{ "GET / HTTP/1.1\r\n" H "A b: c\r\n\r\n", HTTP1_FAULT_FIELD_NAME, 400 },
	{ "GET / HTTP/1.1\r\n" H "A\x01: c\r\n\r\n", HTTP1_FAULT_FIELD_NAME, 400 },
	{ "GET / HTTP/1.1\r\n" H "\xc3\xa9: c\r\n\r\n", HTTP1_FAULT_FIELD_NAME, 400 },
	{ "POST / HTTP/1.1\r\n" H "Content_Length: 5\r\n\r\n", HTTP1_FAULT_FIELD_ALIAS, 400 },
	{ "POST / HTTP/1.1\r\n" H "TRANSFER_encoding: chunked\r\n\r\n", HTTP1_FAULT_FIELD_ALIAS,
	  400 },
	{ "GET / HTTP/1.1\r\n" H "A: \x01\r\n\r\n", HTTP1_FAULT_CONTROL, 400 },
	{ "GET / HTTP/1.1\r\n" H "A: \x7f\r\n\r\n", HTTP1_FAULT_CONTROL, 400 },
	{ "GET / HTTP/1.1\r\n" H "A: \x0b\r\n\r\n", HTTP1_FAULT_CONTROL, 400 },
	/* Host. */
	{ "GET / HTTP/1.1\r\n\r\n", HTTP1_FAULT_HOST_MISSING, 400 },
	{ "GET http://a.test/ HTTP/1.1\r\nA: b\r\n\r\n", HTTP1_FAULT_HOST_MISSING, 400 },
	{ "GET / HTTP/1.1\r\n" H H "\r\n", HTTP1_FAULT_HOST_REPEATED, 400 },
	{ "GET / HTTP/1.0\r\n" H "hOsT: b\r\n\r\n", HTTP1_FAULT_HOST_REPEATED, 400 },
	{ "GET / HTTP/1.1\r\nHost:\r\n\r\n", HTTP1_FAULT_HOST, 400 },
	{ "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", HTTP1_FAULT_HOST, 400 },
	{ "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", HTTP1_FAULT_HOST, 400 },
	{ "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", HTTP1_FAULT_HOST, 400 },
	{ "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", HTTP1_FAULT_HOST, 400 },
	{ "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", HTTP1_FAULT_HOST, 400 },
	{ "GET / HTTP/1.1\r\nHost: a:\r\n\r\n", HTTP1_FAULT_HOST, 400 },
	{ "GET / HTTP/1.1\r\nHost: http://a\r\n\r\n", HTTP1_FAULT_HOST, 400 },
	{ "GET / HTTP/1.0\r\nHost: [::1\r\n\r\n", HTTP1_FAULT_HOST, 400 },
	/* Content-Length. */
	{ "POST / HTTP/1.1\r\n" H "Content-Length: \r\n\r\n", HTTP1_FAULT_LENGTH, 400 },
	{ "POST / HTTP/1.1\r\n" H "Content-Length: +5\r\n\r\n", HTTP1_FAULT_LENGTH, 400 },
	{ "POST / HTTP/1.1\r\n" H "Content-Length: -5\r\n\r\n", HTTP1_FAULT_LENGTH, 400 },
	{ "POST / HTTP/1.1\r\n" H "Content-Length: 5 5\r\n\r\n", HTTP1_FAULT_LENGTH, 400 },
	{ "POST / HTTP/1.1\r\n" H "Content-Length: 5, 5\r\n\r\n", HTTP1_FAULT_LENGTH, 400 },
	{ "POST / HTTP/1.1\r\n" H "Content-Length: 5,\r\n\r\n", HTTP1_FAULT_LENGTH, 400 },
	{ "POST / HTTP/1.1\r\n" H "Content-Length: 0x5\r\n\r\n", HTTP1_FAULT_LENGTH, 400 },
	{ "POST / HTTP/1.1\r\n" H "Content-Length: 5.0\r\n\r\n", HTTP1_FAULT_LENGTH, 400 },
	{ "POST / HTTP/1.1\r\n" H "Content-Length: 5;q\r\n\r\n", HTTP1_FAULT_LENGTH, 400 },
	{ "POST / HTTP/1.1\r\n" H "Content-Length: \xd9\xa5\r\n\r\n", HTTP1_FAULT_LENGTH, 400 },
	{ "POST / HTTP/1.1\r\n" H "Content-Length: 18446744073709551617\r\n\r\n",
	  HTTP1_FAULT_LENGTH, 400 },
	{ "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
	  HTTP1_FAULT_LENGTH_DIFFERS, 400 },
	{ "POST / HTTP/1.1\r\n" H "Content-Length: 0\r\nContent-Length: 6\r\n\r\n",
	  HTTP1_FAULT_LENGTH_DIFFERS, 400 },
	/* Transfer-Encoding. */
	{ "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
	  HTTP1_FAULT_LENGTH_AND_CODING, 400 },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
	  HTTP1_FAULT_LENGTH_AND_CODING, 400 },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip\r\n\r\n", HTTP1_FAULT_CODING, 501 },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n\r\n", HTTP1_FAULT_CODING, 501 },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n\r\n", HTTP1_FAULT_CODING, 501 },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n", HTTP1_FAULT_CODING,
	  501 },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n", HTTP1_FAULT_CODING, 501 },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunkedx\r\n\r\n", HTTP1_FAULT_CODING, 501 },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: \"chunked\"\r\n\r\n", HTTP1_FAULT_CODING,
	  501 },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked;q=1\r\n\r\n", HTTP1_FAULT_CODING,
	  501 },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: , chunked\r\n\r\n", HTTP1_FAULT_CODING, 501 },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: \x0b"
	  "chunked\r\n\r\n",
	  HTTP1_FAULT_CONTROL, 400 },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding : chunked\r\n\r\n", HTTP1_FAULT_FIELD_NAME,
	  400 },
	{ "POST / HTTP/1.1\r\n" H "X: y\r\n Transfer-Encoding: chunked\r\n\r\n", HTTP1_FAULT_FOLDED,
	  400 },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n chunked\r\n\r\n", HTTP1_FAULT_FOLDED,
	  400 },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, chunked\r\n\r\n",
	  HTTP1_FAULT_CODING_ORDER, 400 },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, gzip\r\n\r\n",
	  HTTP1_FAULT_CODING_ORDER, 400 },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, identity\r\n\r\n",
	  HTTP1_FAULT_CODING_ORDER, 400 },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked,\r\n\r\n", HTTP1_FAULT_CODING_ORDER,
	  400 },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n",
	  HTTP1_FAULT_CODING_ORDER, 400 },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n",
	  HTTP1_FAULT_CODING, 501 },
	{ "POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n", HTTP1_FAULT_CODING_VERSION,
	  400 },
	/* Connection. */
	{ "GET / HTTP/1.1\r\n" H "Connection:\r\n\r\n", HTTP1_FAULT_CONNECTION, 400 },
	{ "GET / HTTP/1.1\r\n" H "Connection: close,\r\n\r\n", HTTP1_FAULT_CONNECTION, 400 },
	{ "GET / HTTP/1.1\r\n" H "Connection: a b\r\n\r\n", HTTP1_FAULT_CONNECTION, 400 },
	{ "GET / HTTP/1.1\r\n" H "Connection: host\r\n\r\n", HTTP1_FAULT_CONNECTION, 400 },
	{ "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nConnection: close, Content-Length\r\n\r\n",
	  HTTP1_FAULT_CONNECTION, 400 },
	{ "POST / HTTP/1.1\r\n" H "Connection: Transfer-Encoding\r\n\r\n", HTTP1_FAULT_CONNECTION,
	  400 },
	{ "GET / HTTP/1.1\r\n" H "Connection: a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a\r\n\r\n",
	  HTTP1_FAULT_CONNECTION, 400 },
	/* The rest. */
	{ "POST / HTTP/1.1\r\n" H "Expect: 200-ok\r\n\r\n", HTTP1_FAULT_EXPECT, 417 },
	{ "POST / HTTP/1.1\r\n" H "Expect: 100-continue\r\nExpect: tea\r\n\r\n", HTTP1_FAULT_EXPECT,
	  417 },
	{ "POST / HTTP/1.1\r\n" H "Expect: 100-continue, tea\r\n\r\n", HTTP1_FAULT_EXPECT, 417 },
	{ "CONNECT a.test:1 HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\n", HTTP1_FAULT_CONNECT_BODY,
	  400 },
	{ "CONNECT a.test:1 HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n",
	  HTTP1_FAULT_CONNECT_BODY, 400 },
};

/* An exact-size copy: the sanitizer sees one byte too far. `out` borrows from it until the next one. */
static uint8_t *copy;

static enum parse parse(struct slice in, struct http1_request *out, enum http1_fault *out_fault)
{
	free(copy);
	copy = mem_calloc(in.n > 0 ? in.n : 1, 1);

	if (in.n > 0)
		memcpy(copy, in.p, in.n);
	return http1_request_parse((struct slice){ copy, in.n }, out, out_fault);
}

static void assert_text(struct slice got, const char *want)
{
	ck_assert_msg(got.n == strlen(want) && (got.n == 0 || memcmp(got.p, want, got.n) == 0),
		      "'%.*s' is not '%s'", (int)got.n, got.p, want);
}

START_TEST(a_request_means_what_the_table_says)
{
	struct http1_request r;
	enum http1_fault fault = HTTP1_FAULT_NONE;

	ck_assert_int_eq(parse(slice_text(accepted[_i].in), &r, &fault), PARSE_OK);
	const struct http1_authority *a = r.authority.host.n > 0 ? &r.authority : &r.host;
	ck_assert_int_eq(r.form, accepted[_i].form);
	assert_text(r.method, accepted[_i].method);
	assert_text(a->host, accepted[_i].host);
	ck_assert_uint_eq(a->has_port ? a->port : 0, accepted[_i].port);
	assert_text(r.path, accepted[_i].path);
	ck_assert_int_eq(r.framing, accepted[_i].framing);
	ck_assert_uint_eq(r.head.length, accepted[_i].length);
	ck_assert_int_eq(r.head.keep_alive, accepted[_i].keep_alive);
	ck_assert_uint_eq(r.head.n, strlen(accepted[_i].in));
}
END_TEST

START_TEST(what_two_readers_could_read_differently_is_refused)
{
	struct http1_request r;
	enum http1_fault fault = HTTP1_FAULT_NONE;

	ck_assert_int_eq(parse(slice_text(refused[_i].in), &r, &fault), PARSE_BAD);
	ck_assert_msg(fault == refused[_i].fault, "'%s': %s", refused[_i].in,
		      http1_fault_text(fault));
	ck_assert_int_eq(http1_fault_status(fault), refused[_i].status);
	ck_assert_str_ne(http1_fault_text(fault), "");
}
END_TEST

START_TEST(a_cut_request_is_never_whole)
{
	struct slice whole = slice_text(accepted[_i].in);

	for (size_t n = 0; n < whole.n; n++) {
		struct http1_request r;
		enum http1_fault fault;

		ck_assert_int_eq(parse((struct slice){ whole.p, n }, &r, &fault), PARSE_MORE);
	}
}
END_TEST

START_TEST(byte_at_a_time_gives_the_same_fault)
{
	struct slice whole = slice_text(refused[_i].in);

	for (size_t n = 0; n <= whole.n; n++) {
		struct http1_request r;
		enum http1_fault fault = HTTP1_FAULT_NONE;
		enum parse got = parse((struct slice){ whole.p, n }, &r, &fault);

		ck_assert_int_ne(got, PARSE_OK);
		if (got == PARSE_BAD) {
			ck_assert_int_eq(fault, refused[_i].fault);
			return;
		}
	}
	ck_abort_msg("never refused");
}
END_TEST

START_TEST(what_follows_a_head_is_not_looked_at)
{
	AUTO_FREE char *two = mem_printf("%s\n\r\x01 GET", accepted[_i].in);
	struct http1_request r;
	enum http1_fault fault;

	ck_assert_int_eq(parse(slice_text(two), &r, &fault), PARSE_OK);
	ck_assert_uint_eq(r.head.n, strlen(accepted[_i].in));
}
END_TEST

/* `start`, then `n` times 'x', then `end`. */
static char *stretched(const char *start, size_t n, const char *end)
{
	char *text = mem_calloc(strlen(start) + n + strlen(end) + 1, 1);

	memcpy(text, start, strlen(start));
	memset(text + strlen(start), 'X', n);
	memcpy(text + strlen(start) + n, end, strlen(end));
	return text;
}

#define LINE_START "GET / HTTP/1.1\r\n" H
#define TARGET_START "GET /"
#define TARGET_END " HTTP/1.1\r\n" H "\r\n"

static const struct {
	const char *start, *end;
	size_t fits; /* that many are allowed, one more is not */
	enum http1_fault fault;
} stretches[] = {
	{ TARGET_START, TARGET_END, HTTP1_LINE_MAX - 14, HTTP1_FAULT_TARGET_TOO_LONG },
	{ LINE_START "A: ", "\r\n\r\n", HTTP1_LINE_MAX - 3, HTTP1_FAULT_LINE_TOO_LONG },
	{ "", " / HTTP/1.1\r\n" H "\r\n", HTTP1_METHOD_MAX, HTTP1_FAULT_METHOD },
};

START_TEST(a_line_has_its_limit_whole_or_in_parts)
{
	AUTO_FREE char *fits =
		stretched(stretches[_i].start, stretches[_i].fits, stretches[_i].end);
	AUTO_FREE char *over =
		stretched(stretches[_i].start, stretches[_i].fits + 1, stretches[_i].end);
	struct http1_request r;
	enum http1_fault fault = HTTP1_FAULT_NONE;
	size_t n = strlen(stretches[_i].start) + stretches[_i].fits + 2;

	ck_assert_int_eq(http1_request_parse(slice_text(fits), &r, &fault), PARSE_OK);
	ck_assert_int_eq(http1_request_parse(slice_text(over), &r, &fault), PARSE_BAD);
	ck_assert_int_eq(fault, stretches[_i].fault);
	for (; n < strlen(over); n++) {
		enum parse got =
			http1_request_parse((struct slice){ (uint8_t *)over, n }, &r, &fault);

		ck_assert_int_ne(got, PARSE_OK);
		if (got == PARSE_BAD)
			break;
	}
	ck_assert_int_eq(fault, stretches[_i].fault);
}
END_TEST

START_TEST(a_head_of_more_than_its_limit_is_refused_even_unfinished)
{
	AUTO(buf_done) struct buf b = buf_init((size_t)1 << 20);
	struct http1_request r;
	enum http1_fault fault = HTTP1_FAULT_NONE;

	buf_puts(&b, LINE_START);
	for (int i = 0; b.n < HTTP1_REQUEST_HEAD_MAX - 1100; i++) {
		AUTO_FREE char *field = stretched("A: ", 1000, "\r\n");

		buf_puts(&b, field);
	}
	/* Fill up to the limit exactly: the last field, then the empty line. */
	size_t room = HTTP1_REQUEST_HEAD_MAX - b.n - strlen("A: \r\n\r\n");
	AUTO_FREE char *last = stretched("A: ", room, "\r\n\r\n");
	AUTO_FREE char *longer = stretched("A: ", room + 1, "\r\n\r\n");
	AUTO(buf_done) struct buf over = buf_init((size_t)1 << 20);
	buf_put(&over, b.p, b.n);
	buf_puts(&over, longer);
	buf_puts(&b, last);
	ck_assert_uint_eq(b.n, HTTP1_REQUEST_HEAD_MAX);
	ck_assert_int_eq(http1_request_parse(buf_slice(&b), &r, &fault), PARSE_OK);
	ck_assert_int_eq(http1_request_parse(buf_slice(&over), &r, &fault), PARSE_BAD);
	ck_assert_int_eq(fault, HTTP1_FAULT_HEAD_TOO_LONG);
	over.n = HTTP1_REQUEST_HEAD_MAX;
	ck_assert_int_eq(http1_request_parse(buf_slice(&over), &r, &fault), PARSE_MORE);
	fault = HTTP1_FAULT_NONE;
	over.n++;
	ck_assert_int_eq(http1_request_parse(buf_slice(&over), &r, &fault), PARSE_BAD);
	ck_assert_int_eq(fault, HTTP1_FAULT_HEAD_TOO_LONG);
}
END_TEST

START_TEST(a_head_has_a_limited_number_of_fields)
{
	for (int extra = 0; extra < 2; extra++) {
		AUTO(buf_done) struct buf b = buf_init((size_t)1 << 20);
		struct http1_request r;
		enum http1_fault fault = HTTP1_FAULT_NONE;

		buf_puts(&b, LINE_START);
		for (int i = 0; i < HTTP1_FIELDS_MAX - 1 + extra; i++)
			buf_puts(&b, "A: b\r\n");
		buf_puts(&b, "\r\n");
		ck_assert_int_eq(http1_request_parse(buf_slice(&b), &r, &fault),
				 extra == 0 ? PARSE_OK : PARSE_BAD);
		ck_assert_int_eq(fault,
				 extra == 0 ? HTTP1_FAULT_NONE : HTTP1_FAULT_TOO_MANY_FIELDS);
	}
}
END_TEST

START_TEST(a_nul_is_refused_wherever_it_stands)
{
	static const char text[] = "GET /a HTTP/1.1\r\nHost: a.test\r\nName: value\r\n\r\n";

	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		char cut[sizeof(text)];
		struct http1_request r;
		enum http1_fault fault = HTTP1_FAULT_NONE;

		memcpy(cut, text, sizeof(text));
		cut[i] = '\0';
		/* A NUL in place of the last line's end leaves the head unfinished. */
		enum parse got =
			http1_request_parse((struct slice){ (uint8_t *)cut, sizeof(text) - 1 }, &r,
					    &fault);
		ck_assert_int_ne(got, PARSE_OK);
		if (got == PARSE_MORE)
			ck_assert_uint_eq(i, sizeof(text) - 2);
	}
}
END_TEST

static const struct {
	const char *version, *fields;
	bool websocket, other;
} offers[] = {
	{ "1.1", "Upgrade: websocket\r\nConnection: upgrade\r\n", true, false },
	{ "1.1", "Upgrade: WebSocket\r\nConnection: close, UPGRADE\r\n", true, false },
	{ "1.1", "Upgrade: h2c\r\nConnection: upgrade\r\n", false, false },
	{ "1.1", "Upgrade: tcp\r\nConnection: upgrade\r\n", false, true },
	{ "1.1", "Upgrade: h2c, TLS/1.0\r\nConnection: upgrade\r\n", false, true },
	{ "1.1", "Upgrade: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n", true, true },
	{ "1.1", "Upgrade: websocketx\r\nConnection: upgrade\r\n", false, true },
	{ "1.1", "Upgrade:\r\nConnection: upgrade\r\n", false, true },
	{ "1.1", "Connection: upgrade\r\n", false, false },
	{ "1.1", "Upgrade: websocket\r\n", false, false },
	{ "1.1", "Upgrade: tcp\r\nConnection: close\r\n", false, false },
	{ "1.0", "Upgrade: websocket\r\nConnection: upgrade\r\n", false, false },
};

START_TEST(an_offer_counts_where_connection_names_it)
{
	AUTO_FREE char *text = mem_printf("GET / HTTP/%s\r\nHost: a\r\n%s\r\n", offers[_i].version,
					  offers[_i].fields);
	struct http1_request request;
	enum http1_fault fault;

	ck_assert_int_eq(http1_request_parse(slice_text(text), &request, &fault), PARSE_OK);
	struct http1_offer offer = http1_request_offer(&request);
	ck_assert_int_eq(offer.websocket, offers[_i].websocket);
	ck_assert_int_eq(offer.other, offers[_i].other);
}
END_TEST

Suite *http1_request_suite(void);
Suite *http1_request_suite(void)
{
	Suite *s = suite_create("http1_request");
	TCase *tc = tcase_create("http1_request");

	tcase_add_loop_test(tc, a_request_means_what_the_table_says, 0, (int)ARRAY_LEN(accepted));
	tcase_add_loop_test(tc, what_two_readers_could_read_differently_is_refused, 0,
			    (int)ARRAY_LEN(refused));
	tcase_add_loop_test(tc, a_cut_request_is_never_whole, 0, (int)ARRAY_LEN(accepted));
	tcase_add_loop_test(tc, byte_at_a_time_gives_the_same_fault, 0, (int)ARRAY_LEN(refused));
	tcase_add_loop_test(tc, what_follows_a_head_is_not_looked_at, 0, (int)ARRAY_LEN(accepted));
	tcase_add_loop_test(tc, a_line_has_its_limit_whole_or_in_parts, 0,
			    (int)ARRAY_LEN(stretches));
	tcase_add_test(tc, a_head_of_more_than_its_limit_is_refused_even_unfinished);
	tcase_add_test(tc, a_head_has_a_limited_number_of_fields);
	tcase_add_test(tc, a_nul_is_refused_wherever_it_stands);
	tcase_add_loop_test(tc, an_offer_counts_where_connection_names_it, 0,
			    (int)ARRAY_LEN(offers));
	suite_add_tcase(s, tc);
	return s;
}
