/* SPDX-License-Identifier: Apache-2.0 */
/* The plays of the fuzz target fuzz_conn end as they should, and their judge can tell right from wrong. */
#include <check.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/mem.h"
#include "tests/support/origin_record.h"
#include "tests/support/proxy_play.h"

Suite *proxy_play_suite(void);

/* Heads that reach an origin, and heads that reach a client (interim and refusing ones too). */
static const struct {
	const char *name;
	size_t requests, answers;
} plays[] = {
	{ "forward", 1, 1 },       { "forward-twice", 2, 2 },
	{ "pipelined", 2, 3 },     { "denied-method", 0, 1 },
	{ "denied-path", 0, 1 },   { "dots", 0, 1 },
	{ "body-length", 1, 1 },   { "body-chunked", 1, 1 },
	{ "both-framings", 0, 1 }, { "expect", 1, 2 },
	{ "tunnel", 2, 3 },        { "tunnel-denied", 0, 2 },
	{ "bytes", 0, 1 },         { "pooled", 3, 4 },
	{ "reload-idle", 1, 2 },   { "reload-in-flight", 1, 1 },
	{ "reload-tunnel", 0, 1 }, { "reload-body", 1, 1 },
	{ "response-bad", 1, 1 },  { "response-interim", 1, 2 },
	{ "half-closed", 1, 1 },   { "origin-reset", 1, 1 },
	{ "reset", 0, 0 },         { "not-a-proxy", 0, 1 },
	{ "garbage", 0, 1 },
};

START_TEST(a_play_ends_as_the_table_says)
{
	AUTO_FREE char *path = mem_printf("tests/fuzz/corpus/conn/%s", plays[_i].name);
	AUTO(buf_done) struct buf script = buf_init(PLAY_SCRIPT_MAX);
	struct err err = { 0 };

	ck_assert_msg(io_read_file(path, &script, &err) == 0, "%s", err.msg);
	struct play_outcome outcome = proxy_play(buf_slice(&script), NULL);
	ck_assert_msg(outcome.wrong == NULL, "%s: %s", plays[_i].name, outcome.wrong);
	ck_assert_msg(outcome.requests == plays[_i].requests &&
			      outcome.answers == plays[_i].answers,
		      "%s: %zu requests arrived and %zu answers", plays[_i].name, outcome.requests,
		      outcome.answers);
	ck_assert_uint_eq(outcome.left_open, 0);
}
END_TEST

#define HOST "Host: h:1\r\n"

static const struct {
	const char *record;
	size_t requests;
} good[] = {
	{ "", 0 },
	{ "GET /ok/a HT", 0 },
	{ "GET /ok/a?b/../c/./d HTTP/1.1\r\n" HOST "\r\n", 1 },
	{ "GET /ok/a HTTP/1.1\r\n" HOST "\r\n", 1 },
	{ "HEAD /ok/a?b HTTP/1.1\r\n" HOST "X: y\r\n\r\nGET /ok/ HTTP/1.1\r\n" HOST "\r\n", 2 },
	{ "GET /ok/a HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nGET", 1 },
	{ "GET /ok/a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nGET\r\n0\r\n\r\n"
	  "GET /ok/a HTTP/1.1\r\n" HOST "\r\n",
	  2 },
	{ "GET /ok/a HTTP/1.1\r\n" HOST "Upgrade: websocket\r\n\r\n\r\nanything", 1 },
};

START_TEST(the_judge_takes_what_policy_allows)
{
	size_t requests;
	const char *wrong = origin_record_check(slice_text(good[_i].record), "h:1", &requests);

	ck_assert_msg(wrong == NULL, "%s: %s", good[_i].record, wrong);
	ck_assert_uint_eq(requests, good[_i].requests);
}
END_TEST

static const char *const bad[] = {
	"POST /ok/a HTTP/1.1\r\n" HOST "\r\n",
	"GET /no HTTP/1.1\r\n" HOST "\r\n",
	"GET /okay HTTP/1.1\r\n" HOST "\r\n",
	"GET /ok/../no HTTP/1.1\r\n" HOST "\r\n",
	"GET /ok/a HTTP/1.0\r\n" HOST "\r\n",
	"GET /ok/a b HTTP/1.1\r\n" HOST "\r\n",
	"GET /ok/a HTTP/1.1\r\n\r\n",
	"GET /ok/a HTTP/1.1\r\nHost: other\r\n\r\n",
	"GET /ok/a HTTP/1.1\r\n" HOST HOST "\r\n",
	"GET /ok/a HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
	"GET /ok/a HTTP/1.1\r\n" HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
	"GET /ok/a HTTP/1.1\r\n" HOST "Content-Length: +1\r\n\r\n",
	"GET /ok/a HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n",
	"GET /ok/a HTTP/1.1\r\n" HOST "A: b\nC: d\r\n\r\n",
	"GET /ok/a HTTP/1.1\r\n" HOST "no colon\r\n\r\n",
	"GET /ok/a HTTP/1.1\r\n" HOST "A : b\r\n\r\n",
	"GET /ok/a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
	"GET /ok/a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
	"GET /ok/a HTTP/1.1\r\n" HOST "\r\nPOST /ok/a HTTP/1.1\r\n" HOST "\r\n",
	"GET /ok/a HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\naPOST /a HTTP/1.1\r\n" HOST "\r\n",
};

START_TEST(the_judge_sees_what_policy_does_not_allow)
{
	size_t requests;

	ck_assert_msg(origin_record_check(slice_text(bad[_i]), "h:1", &requests) != NULL, "%s",
		      bad[_i]);
}
END_TEST

Suite *proxy_play_suite(void)
{
	Suite *s = suite_create("proxy_play");
	TCase *tc = tcase_create("proxy_play");

	tcase_add_loop_test(tc, a_play_ends_as_the_table_says, 0, ARRAY_LEN(plays));
	tcase_add_loop_test(tc, the_judge_takes_what_policy_allows, 0, ARRAY_LEN(good));
	tcase_add_loop_test(tc, the_judge_sees_what_policy_does_not_allow, 0, ARRAY_LEN(bad));
	suite_add_tcase(s, tc);
	return s;
}
