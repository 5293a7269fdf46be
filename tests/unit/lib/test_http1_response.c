/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "lib/cleanup.h"
#include "lib/http1_response.h"
#include "lib/mem.h"

static const struct {
	const char *in;
	enum http1_asked asked;
	int status;
	const char *reason;
	enum http1_framing framing;
	uint64_t length;
	bool keep_alive, interim;
} accepted[] = {
	{ "HTTP/1.1 200 OK\r\n\r\n", 0, 200, "OK", HTTP1_BODY_UNTIL_CLOSE, 0, true, false },
	{ "HTTP/1.1 200\r\n\r\n", 0, 200, "", HTTP1_BODY_UNTIL_CLOSE, 0, true, false },
	{ "HTTP/1.1 200 \r\n\r\n", 0, 200, "", HTTP1_BODY_UNTIL_CLOSE, 0, true, false },
	{ "HTTP/1.0 200 OK\r\n\r\n", 0, 200, "OK", HTTP1_BODY_UNTIL_CLOSE, 0, false, false },
	{ "HTTP/1.1 404 Not  \xc3\xa9\tFound\r\nContent-Length: 9\r\n\r\n", 0, 404,
	  "Not  \xc3\xa9\tFound", HTTP1_BODY_LENGTH, 9, true, false },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 200, "OK", HTTP1_BODY_CHUNKED,
	  0, true, false },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n", 0, 200, "OK",
	  HTTP1_BODY_LENGTH, 5, false, false },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", HTTP1_ASKED_HEAD, 200, "OK",
	  HTTP1_BODY_NONE, 5, true, false },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP1_ASKED_HEAD, 200, "OK",
	  HTTP1_BODY_NONE, 0, true, false },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", HTTP1_ASKED_CONNECT, 200, "OK",
	  HTTP1_BODY_NONE, 5, true, false },
	{ "HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\n", HTTP1_ASKED_CONNECT, 403, "No",
	  HTTP1_BODY_LENGTH, 5, true, false },
	{ "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", 0, 204, "No Content",
	  HTTP1_BODY_NONE, 5, true, false },
	{ "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 0, 304, "Not Modified",
	  HTTP1_BODY_NONE, 5, true, false },
	{ "HTTP/1.1 205 Reset\r\nContent-Length: 0\r\n\r\n", 0, 205, "Reset", HTTP1_BODY_LENGTH, 0,
	  true, false },
	{ "HTTP/1.1 100 Continue\r\n\r\n", 0, 100, "Continue", HTTP1_BODY_NONE, 0, true, true },
	{ "HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n", 0, 103, "Hints", HTTP1_BODY_NONE, 0, true,
	  true },
	{ "HTTP/1.1 101 Switching\r\n\r\n", 0, 101, "Switching", HTTP1_BODY_NONE, 0, true, false },
	{ "HTTP/1.1 999 x\r\nContent-Length: 1\r\n\r\n", 0, 999, "x", HTTP1_BODY_LENGTH, 1, true,
	  false },
};

static const struct {
	const char *in;
	enum http1_fault fault;
} refused[] = {
	{ "SSH-2.0-OpenSSH_9\r\n", HTTP1_FAULT_STATUS_LINE },
	{ "\r\nHTTP/1.1 200 OK\r\n\r\n", HTTP1_FAULT_STATUS_LINE },
	{ "HTTP/1.1 200 OK\n\n", HTTP1_FAULT_BARE_LF },
	{ "HTTP/1.1 200 OK\r\nA: b\n\r\n", HTTP1_FAULT_BARE_LF },
	{ "HTTP/1.1\r\n\r\n", HTTP1_FAULT_STATUS_LINE },
	{ "HTTP/1.1 \r\n\r\n", HTTP1_FAULT_STATUS_LINE },
	{ "HTTP/1.1 20\r\n\r\n", HTTP1_FAULT_STATUS_LINE },
	{ "HTTP/1.1 2000 OK\r\n\r\n", HTTP1_FAULT_STATUS_LINE },
	{ "HTTP/1.1 2x0 OK\r\n\r\n", HTTP1_FAULT_STATUS_LINE },
	{ "HTTP/1.1 099 OK\r\n\r\n", HTTP1_FAULT_STATUS_LINE },
	{ "HTTP/1.1  200 OK\r\n\r\n", HTTP1_FAULT_STATUS_LINE },
	{ "HTTP/1.1\t200 OK\r\n\r\n", HTTP1_FAULT_STATUS_LINE },
	{ "HTTP/1.1 200\tOK\r\n\r\n", HTTP1_FAULT_STATUS_LINE },
	{ "HTTP/1.1 200 O\x01K\r\n\r\n", HTTP1_FAULT_STATUS_LINE },
	{ "HTTP/1.1 200 OK\rX: y\r\n\r\n", HTTP1_FAULT_STATUS_LINE },
	{ "HTTP/2.0 200 OK\r\n\r\n", HTTP1_FAULT_VERSION },
	{ "HTTP/1.2 200 OK\r\n\r\n", HTTP1_FAULT_VERSION },
	{ "HTTP/1.1 200 OK\r\n A: b\r\n\r\n", HTTP1_FAULT_FOLDED },
	{ "HTTP/1.1 200 OK\r\nA : b\r\n\r\n", HTTP1_FAULT_FIELD_NAME },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
	  HTTP1_FAULT_LENGTH_DIFFERS },
	{ "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", HTTP1_FAULT_LENGTH },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
	  HTTP1_FAULT_LENGTH_AND_CODING },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", HTTP1_FAULT_CODING },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
	  HTTP1_FAULT_CODING_ORDER },
	{ "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP1_FAULT_CODING_VERSION },
	{ "HTTP/1.1 200 OK\r\nConnection: content-length\r\n\r\n", HTTP1_FAULT_CONNECTION },
};

/* An exact-size copy: the sanitizer sees one byte too far. `out` borrows from it until the next one. */
static uint8_t *copy;

static enum parse parse(struct slice in, enum http1_asked asked, struct http1_response *out,
			enum http1_fault *out_fault)
{
	free(copy);
	copy = mem_calloc(in.n > 0 ? in.n : 1, 1);

	if (in.n > 0)
		memcpy(copy, in.p, in.n);
	return http1_response_parse((struct slice){ copy, in.n }, asked, out, out_fault);
}

START_TEST(a_response_means_what_the_table_says)
{
	struct http1_response r;
	enum http1_fault fault;

	ck_assert_int_eq(parse(slice_text(accepted[_i].in), accepted[_i].asked, &r, &fault),
			 PARSE_OK);
	ck_assert_int_eq(r.status, accepted[_i].status);
	ck_assert_uint_eq(r.reason.n, strlen(accepted[_i].reason));
	ck_assert(r.reason.n == 0 || memcmp(r.reason.p, accepted[_i].reason, r.reason.n) == 0);
	ck_assert_int_eq(r.framing, accepted[_i].framing);
	ck_assert_uint_eq(r.head.length, accepted[_i].length);
	ck_assert_int_eq(r.head.keep_alive, accepted[_i].keep_alive);
	ck_assert_int_eq(r.interim, accepted[_i].interim);
	ck_assert_uint_eq(r.head.n, strlen(accepted[_i].in));
}
END_TEST

static const struct {
	const char *in;
	bool contradicts;
} bodiless[] = {
	{ "HTTP/1.1 204 No Content\r\n\r\n", false },
	{ "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", false },
	{ "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", true },
	{ "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", true },
	{ "HTTP/1.1 103 Hints\r\nContent-Length: 5\r\n\r\n", true },
	{ "HTTP/1.1 101 Switching\r\nTransfer-Encoding: chunked\r\n\r\n", true },
	{ "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", false },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", false },
};

START_TEST(a_body_that_cannot_be_is_told)
{
	struct http1_response r;
	enum http1_fault fault;

	ck_assert_int_eq(parse(slice_text(bodiless[_i].in), 0, &r, &fault), PARSE_OK);
	ck_assert_int_eq(r.contradicts, bodiless[_i].contradicts);
}
END_TEST

START_TEST(a_response_that_can_be_read_differently_is_refused)
{
	struct slice whole = slice_text(refused[_i].in);

	for (size_t n = 0; n <= whole.n; n++) {
		struct http1_response r;
		enum http1_fault fault = HTTP1_FAULT_NONE;
		enum parse got = parse((struct slice){ whole.p, n }, 0, &r, &fault);

		ck_assert_int_ne(got, PARSE_OK);
		if (got == PARSE_BAD || n == whole.n)
			ck_assert_msg(fault == refused[_i].fault, "'%s': %s", refused[_i].in,
				      http1_fault_text(fault));
	}
}
END_TEST

START_TEST(a_cut_response_is_never_whole)
{
	struct slice whole = slice_text(accepted[_i].in);

	for (size_t n = 0; n < whole.n; n++) {
		struct http1_response r;
		enum http1_fault fault;

		ck_assert_int_eq(parse((struct slice){ whole.p, n }, 0, &r, &fault), PARSE_MORE);
	}
}
END_TEST

Suite *http1_response_suite(void);
Suite *http1_response_suite(void)
{
	Suite *s = suite_create("http1_response");
	TCase *tc = tcase_create("http1_response");

	tcase_add_loop_test(tc, a_response_means_what_the_table_says, 0, (int)ARRAY_LEN(accepted));
	tcase_add_loop_test(tc, a_response_that_can_be_read_differently_is_refused, 0,
			    (int)ARRAY_LEN(refused));
	tcase_add_loop_test(tc, a_cut_response_is_never_whole, 0, (int)ARRAY_LEN(accepted));
	tcase_add_loop_test(tc, a_body_that_cannot_be_is_told, 0, (int)ARRAY_LEN(bodiless));
	suite_add_tcase(s, tc);
	return s;
}
