/* SPDX-License-Identifier: Apache-2.0 */
/* The plays of the fuzz target fuzz_conn end as they should, and their judge can tell right from wrong. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

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
	{ "forward", 1, 1 },
	{ "forward-twice", 2, 2 },
	{ "pipelined", 2, 3 },
	{ "denied-method", 0, 1 },
	{ "denied-path", 0, 1 },
	{ "dots", 0, 1 },
	{ "body-length", 1, 1 },
	{ "body-chunked", 1, 1 },
	{ "both-framings", 0, 1 },
	{ "expect", 1, 2 },
	{ "tunnel", 2, 3 },
	{ "tunnel-denied", 0, 2 },
	{ "bytes", 0, 1 },
	{ "pooled", 3, 4 },
	{ "reload-idle", 1, 2 },
	{ "reload-in-flight", 1, 1 },
	{ "reload-tunnel", 0, 1 },
	{ "reload-body", 1, 1 },
	{ "response-bad", 1, 1 },
	{ "response-interim", 1, 2 },
	{ "half-closed", 1, 1 },
	{ "origin-reset", 1, 1 },
	{ "reset", 0, 0 },
	{ "not-a-proxy", 0, 1 },
	{ "garbage", 0, 1 },
	{ "tunnel-tls", 1, 3 },
	{ "tunnel-tls-pooled", 2, 4 },
};

/* The same, and the bytes that reach an origin which policy does not look into. */
static const struct {
	const char *name;
	size_t requests, answers, bytes;
} direct_plays[] = {
	{ "direct-http", 2, 2, 0 },         { "direct-denied", 0, 2, 0 },
	{ "direct-host", 0, 2, 0 },         { "direct-tcp", 0, 0, 13 },
	{ "direct-server-first", 0, 0, 7 }, { "direct-sni", 0, 0, 77 },
	{ "direct-sni-other", 0, 0, 0 },    { "direct-sni-slow", 0, 0, 71 },
	{ "direct-tls-denied", 0, 0, 0 },   { "direct-nobody", 0, 1, 0 },
	{ "direct-address", 0, 1, 0 },      { "direct-reload", 1, 3, 1 },
	{ "dns-reload", 1, 1, 0 },          { "direct-tls", 2, 2, 0 },
	{ "direct-tls-refused", 0, 1, 0 },  { "direct-tls-host", 0, 1, 0 },
	{ "direct-tls-body", 1, 1, 0 },     { "direct-tls-reload", 1, 2, 0 },
	{ "direct-tls-reset", 2, 2, 0 },
};

static struct play_outcome play(const char *name)
{
	AUTO_FREE char *path = mem_printf("tests/fuzz/corpus/conn/%s", name);
	AUTO(buf_done) struct buf script = buf_init(PLAY_SCRIPT_MAX);
	struct err err = { 0 };

	ck_assert_msg(io_read_file(path, &script, &err) == 0, "%s", err.msg);
	return proxy_play(buf_slice(&script), NULL);
}

static void check(const char *name, const struct play_outcome *outcome, size_t requests,
		  size_t answers)
{
	ck_assert_msg(outcome->wrong == NULL, "%s: %s", name, outcome->wrong);
	ck_assert_msg(outcome->requests == requests && outcome->answers == answers,
		      "%s: %zu requests arrived and %zu answers", name, outcome->requests,
		      outcome->answers);
	ck_assert_uint_eq(outcome->left_open, 0);
}

START_TEST(a_play_ends_as_the_table_says)
{
	struct play_outcome outcome = play(plays[_i].name);

	check(plays[_i].name, &outcome, plays[_i].requests, plays[_i].answers);
}
END_TEST

START_TEST(a_play_without_a_proxy_ends_as_the_table_says)
{
	struct play_outcome outcome = play(direct_plays[_i].name);

	check(direct_plays[_i].name, &outcome, direct_plays[_i].requests, direct_plays[_i].answers);
	ck_assert_msg(outcome.bytes == direct_plays[_i].bytes, "%s: %zu bytes arrived",
		      direct_plays[_i].name, outcome.bytes);
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

/* One record with a ClientHello that asks for `name`. */
static struct slice make_hello(const char *name, uint8_t out[128])
{
	const uint8_t n = (uint8_t)strlen(name);
	/* Lengths: 57 and 53 bytes besides the name; extensions 13, of which are an empty one's 4. */
	const uint8_t start[] = {
		22, 3, 1, 0, (uint8_t)(57 + n), 1, 0, 0, (uint8_t)(53 + n), 3, 3
	};
	const uint8_t extensions[] = { 0, 0, 0, 0, 0, (uint8_t)(13 + n), 0, 23,
				       0, 0, 0, 0, 0, (uint8_t)(n + 5),  0, (uint8_t)(n + 3),
				       0, 0, n };

	memset(out, 0, 128);
	memcpy(out, start, sizeof(start));
	size_t at = sizeof(start) + 32;
	memcpy(out + at, extensions, sizeof(extensions));
	memcpy(out + at + sizeof(extensions), name, n);
	return (struct slice){ out, at + sizeof(extensions) + n };
}

START_TEST(the_judge_reads_the_name_that_tls_asks_for)
{
	uint8_t bytes[128];

	ck_assert_ptr_null(origin_record_check_hello(make_hello("a.b", bytes), "a.b"));
	ck_assert_ptr_null(origin_record_check_hello(make_hello("A.b.", bytes), "a.b"));
	ck_assert_ptr_null(origin_record_check_hello(slice_text("\x16\x03 no hello"), "a.b"));
	ck_assert_ptr_nonnull(origin_record_check_hello(make_hello("a.c", bytes), "a.b"));
	ck_assert_ptr_nonnull(origin_record_check_hello(make_hello("a.b.c", bytes), "a.b"));
	ck_assert_ptr_nonnull(origin_record_check_hello(make_hello("a", bytes), "a.b"));
}
END_TEST

START_TEST(the_judge_waits_for_a_hello_that_is_cut)
{
	uint8_t bytes[128];
	struct slice hello = make_hello("a.c", bytes);

	for (size_t n = 0; n < hello.n; n++) {
		AUTO_FREE uint8_t *cut = malloc(n > 0 ? n : 1);

		memcpy(cut, hello.p, n);
		ck_assert_ptr_null(origin_record_check_hello((struct slice){ cut, n }, "a.b"));
	}
}
END_TEST

Suite *proxy_play_suite(void)
{
	Suite *s = suite_create("proxy_play");
	TCase *tc = tcase_create("proxy_play");

	tcase_add_loop_test(tc, a_play_ends_as_the_table_says, 0, ARRAY_LEN(plays));
	tcase_add_loop_test(tc, a_play_without_a_proxy_ends_as_the_table_says, 0,
			    ARRAY_LEN(direct_plays));
	tcase_add_loop_test(tc, the_judge_takes_what_policy_allows, 0, ARRAY_LEN(good));
	tcase_add_loop_test(tc, the_judge_sees_what_policy_does_not_allow, 0, ARRAY_LEN(bad));
	tcase_add_test(tc, the_judge_reads_the_name_that_tls_asks_for);
	tcase_add_test(tc, the_judge_waits_for_a_hello_that_is_cut);
	suite_add_tcase(s, tc);
	return s;
}
