/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "lib/cleanup.h"
#include "lib/http1_body.h"
#include "lib/mem.h"

#define E "\r\n"

static const struct {
	const char *in, *want;
	size_t after; /* bytes at the end that are not the body's */
} accepted[] = {
	{ "0" E E, "", 0 },
	{ "00000000" E E, "", 0 },
	{ "5" E "hello" E "0" E E, "hello", 0 },
	{ "5" E "hello" E "6" E " world" E "0" E E, "hello world", 0 },
	{ "A" E "0123456789" E "0" E E, "0123456789", 0 },
	{ "a" E "0123456789" E "0" E E, "0123456789", 0 },
	{ "00000000000000a" E "0123456789" E "0" E E, "0123456789", 0 },
	{ "2" E E E "0" E E, E, 0 },
	{ "5;x" E "hello" E "0;last" E E, "hello", 0 },
	{ "5;x=y;z=\"a b\"" E "hello" E "0" E E, "hello", 0 },
	{ "5;" E "hello" E "0" E E, "hello", 0 },
	{ "1" E "x" E "0" E "Trailer: value" E "Other:" E E, "x", 0 },
	{ "1" E "x" E "0" E E "GET / HTTP/1.1" E, "x", 16 },
	{ "0" E E "0" E E, "", 5 },
};

static const struct {
	const char *in;
	enum http1_fault fault;
} refused[] = {
	{ E, HTTP1_FAULT_CHUNK_SIZE },
	{ "x" E, HTTP1_FAULT_CHUNK_SIZE },
	{ "+5" E "hello" E, HTTP1_FAULT_CHUNK_SIZE },
	{ "-5" E "hello" E, HTTP1_FAULT_CHUNK_SIZE },
	{ " 5" E "hello" E, HTTP1_FAULT_CHUNK_SIZE },
	{ "5 " E "hello" E, HTTP1_FAULT_CHUNK_SIZE },
	{ "5\t;x" E "hello" E, HTTP1_FAULT_CHUNK_SIZE },
	{ "0x5" E "hello" E, HTTP1_FAULT_CHUNK_SIZE },
	{ "5_0" E "hello" E, HTTP1_FAULT_CHUNK_SIZE },
	{ "5,5" E "hello" E, HTTP1_FAULT_CHUNK_SIZE },
	{ ";x" E, HTTP1_FAULT_CHUNK_SIZE },
	{ "5\nhello" E, HTTP1_FAULT_CHUNK_SIZE },
	{ "5\rhello" E, HTTP1_FAULT_CHUNK_SIZE },
	{ "5\r\rhello" E, HTTP1_FAULT_CHUNK_SIZE },
	{ "1000000000000000" E, HTTP1_FAULT_CHUNK_SIZE },
	{ "0000000000000005" E "hello" E, HTTP1_FAULT_CHUNK_SIZE },
	{ "fffffffffffffffff" E, HTTP1_FAULT_CHUNK_SIZE },
	{ "5;a\nb" E "hello" E, HTTP1_FAULT_CHUNK_EXTENSION },
	{ "5;\x01" E "hello" E, HTTP1_FAULT_CHUNK_EXTENSION },
	{ "5;a\rb" E "hello" E, HTTP1_FAULT_CHUNK_SIZE },
	{ "5" E "helloo" E, HTTP1_FAULT_CHUNK_END },
	{ "5" E "hello\n", HTTP1_FAULT_CHUNK_END },
	{ "5" E "hello\r0", HTTP1_FAULT_CHUNK_END },
	{ "5" E "hell" E "0" E E, HTTP1_FAULT_CHUNK_END },
	{ "0\n\n", HTTP1_FAULT_CHUNK_SIZE },
	{ "0" E "\n", HTTP1_FAULT_TRAILER },
	{ "0" E "\rx", HTTP1_FAULT_TRAILER },
	{ "0" E "Trailer\r\n" E, HTTP1_FAULT_TRAILER },
	{ "0" E ": x" E E, HTTP1_FAULT_TRAILER },
	{ "0" E " A: x" E E, HTTP1_FAULT_TRAILER },
	{ "0" E "A : x" E E, HTTP1_FAULT_TRAILER },
	{ "0" E "A: x\n" E, HTTP1_FAULT_TRAILER },
	{ "0" E "A: x\rB" E E, HTTP1_FAULT_TRAILER },
	{ "0" E "A: \x01" E E, HTTP1_FAULT_TRAILER },
	{ "0" E "GET / HTTP/1.1" E E, HTTP1_FAULT_TRAILER },
};

/* Feeds `in` in pieces of `step` bytes. */
static enum parse feed(struct http1_body *body, struct slice in, size_t step, struct buf *out,
		       size_t *out_left, enum http1_fault *out_fault)
{
	enum parse got = PARSE_MORE;

	while (got == PARSE_MORE && in.n > 0) {
		size_t n = in.n < step ? in.n : step;
		uint8_t *piece = mem_calloc(n, 1);
		struct slice data;
		size_t used;

		memcpy(piece, in.p, n);
		got = http1_body_take(body, (struct slice){ piece, n }, &used, &data, out_fault);
		ck_assert_uint_le(used, n);
		buf_put(out, data.p, data.n);
		in.p += used;
		in.n -= used;
		free(piece);
	}
	*out_left = in.n;
	return got;
}

START_TEST(chunks_give_their_payload_however_they_arrive)
{
	struct slice in = slice_text(accepted[_i].in);

	for (size_t step = 1; step <= in.n; step++) {
		AUTO(buf_done) struct buf out = buf_init(1024);
		struct http1_body body = http1_body_init(HTTP1_BODY_CHUNKED, 0);
		enum http1_fault fault = HTTP1_FAULT_NONE;
		size_t left;

		ck_assert_int_eq(feed(&body, in, step, &out, &left, &fault), PARSE_OK);
		ck_assert_str_eq(buf_text(&out), accepted[_i].want);
		ck_assert_uint_eq(left, accepted[_i].after);
	}
}
END_TEST

START_TEST(malformed_chunks_are_refused_however_they_arrive)
{
	struct slice in = slice_text(refused[_i].in);

	for (size_t step = 1; step <= in.n; step++) {
		AUTO(buf_done) struct buf out = buf_init(1024);
		struct http1_body body = http1_body_init(HTTP1_BODY_CHUNKED, 0);
		enum http1_fault fault = HTTP1_FAULT_NONE;
		size_t left;

		ck_assert_int_eq(feed(&body, in, step, &out, &left, &fault), PARSE_BAD);
		ck_assert_msg(fault == refused[_i].fault, "'%s': %s", refused[_i].in,
			      http1_fault_text(fault));
	}
}
END_TEST

START_TEST(cut_chunks_are_never_a_whole_body)
{
	struct slice in = slice_text(accepted[_i].in);

	for (size_t n = 0; n < in.n - accepted[_i].after; n++) {
		AUTO(buf_done) struct buf out = buf_init(1024);
		struct http1_body body = http1_body_init(HTTP1_BODY_CHUNKED, 0);
		enum http1_fault fault;
		size_t left;

		ck_assert_int_eq(feed(&body, (struct slice){ in.p, n }, 3, &out, &left, &fault),
				 PARSE_MORE);
	}
}
END_TEST

START_TEST(a_body_of_known_length_ends_there)
{
	struct http1_body body = http1_body_init(HTTP1_BODY_LENGTH, 5);
	enum http1_fault fault;
	struct slice data;
	size_t used;

	ck_assert_int_eq(http1_body_take(&body, slice_text("hel"), &used, &data, &fault),
			 PARSE_MORE);
	ck_assert_uint_eq(used, 3);
	ck_assert_int_eq(http1_body_take(&body, slice_text("loGET /"), &used, &data, &fault),
			 PARSE_OK);
	ck_assert_uint_eq(used, 2);
	ck_assert_uint_eq(data.n, 2);
}
END_TEST

START_TEST(no_body_and_an_empty_one_are_whole_at_once)
{
	struct http1_body none = http1_body_init(HTTP1_BODY_NONE, 9);
	struct http1_body empty = http1_body_init(HTTP1_BODY_LENGTH, 0);
	enum http1_fault fault;
	struct slice data;
	size_t used;

	ck_assert_int_eq(http1_body_take(&none, slice_text("GET"), &used, &data, &fault), PARSE_OK);
	ck_assert_uint_eq(used + data.n, 0);
	ck_assert_int_eq(http1_body_take(&empty, slice_text("GET"), &used, &data, &fault),
			 PARSE_OK);
	ck_assert_uint_eq(used + data.n, 0);
}
END_TEST

START_TEST(a_body_until_close_takes_all_and_never_ends)
{
	struct http1_body body = http1_body_init(HTTP1_BODY_UNTIL_CLOSE, 0);
	enum http1_fault fault;
	struct slice data;
	size_t used;

	ck_assert_int_eq(http1_body_take(&body, slice_text("0\r\n\r\n"), &used, &data, &fault),
			 PARSE_MORE);
	ck_assert_uint_eq(used, 5);
	ck_assert_uint_eq(data.n, 5);
}
END_TEST

/* `start`, then `n` times 'x'. */
static struct buf stretched(const char *start, size_t n, const char *end)
{
	struct buf b = buf_init((size_t)1 << 20);

	buf_puts(&b, start);
	for (size_t i = 0; i < n; i++)
		buf_puts(&b, "x");
	buf_puts(&b, end);
	return b;
}

START_TEST(extensions_and_trailers_have_a_limit)
{
	static const struct {
		const char *start, *end;
		size_t fits;
		enum http1_fault fault;
	} cases[] = {
		{ "0;", E E, HTTP1_CHUNK_LINE_MAX - 2, HTTP1_FAULT_CHUNK_EXTENSION },
		{ "0" E "A:", E E, HTTP1_TRAILERS_MAX - 5, HTTP1_FAULT_TRAILERS_TOO_LONG },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		for (size_t extra = 0; extra < 2; extra++) {
			AUTO(buf_done)
			struct buf in =
				stretched(cases[i].start, cases[i].fits + extra, cases[i].end);
			AUTO(buf_done) struct buf out = buf_init(16);
			struct http1_body body = http1_body_init(HTTP1_BODY_CHUNKED, 0);
			enum http1_fault fault = HTTP1_FAULT_NONE;
			size_t left;

			ck_assert_int_eq(feed(&body, buf_slice(&in), 100, &out, &left, &fault),
					 extra == 0 ? PARSE_OK : PARSE_BAD);
			ck_assert_int_eq(fault, extra == 0 ? HTTP1_FAULT_NONE : cases[i].fault);
		}
	}
}
END_TEST

START_TEST(chunks_of_ours_hold_what_was_put_in)
{
	AUTO(buf_done) struct buf out = buf_init(64);

	http1_put_chunk(&out, slice_text("0123456789abcdef"));
	http1_put_chunk(&out, slice_text(""));
	http1_put_last_chunk(&out);
	ck_assert_str_eq(buf_text(&out), "10\r\n0123456789abcdef\r\n0\r\n\r\n");
}
END_TEST

Suite *http1_body_suite(void);
Suite *http1_body_suite(void)
{
	Suite *s = suite_create("http1_body");
	TCase *tc = tcase_create("http1_body");

	tcase_add_loop_test(tc, chunks_give_their_payload_however_they_arrive, 0,
			    (int)ARRAY_LEN(accepted));
	tcase_add_loop_test(tc, malformed_chunks_are_refused_however_they_arrive, 0,
			    (int)ARRAY_LEN(refused));
	tcase_add_loop_test(tc, cut_chunks_are_never_a_whole_body, 0, (int)ARRAY_LEN(accepted));
	tcase_add_test(tc, a_body_of_known_length_ends_there);
	tcase_add_test(tc, no_body_and_an_empty_one_are_whole_at_once);
	tcase_add_test(tc, a_body_until_close_takes_all_and_never_ends);
	tcase_add_test(tc, extensions_and_trailers_have_a_limit);
	tcase_add_test(tc, chunks_of_ours_hold_what_was_put_in);
	suite_add_tcase(s, tc);
	return s;
}
