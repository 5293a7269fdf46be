/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "tests/unit/lib/tls_pair.h"

#define HOST "a.example"

static struct tls_pair pair;

static void begin(void)
{
	tls_pair_init(&pair, HOST);
}

static void end(void)
{
	tls_pair_done(&pair);
}

static void check_up(void)
{
	ck_assert_msg(tls_pair_connect(&pair, HOST, 443), "client: %s; server: %s",
		      pair.client_err.msg, pair.server_err.msg);
}

START_TEST(bytes_go_both_ways)
{
	char text[16] = "";
	struct err err = { 0 };

	check_up();
	ck_assert_str_eq(tls_version(pair.near), "TLSv1.3");
	ck_assert_int_eq(tls_write(pair.near, slice_text("hello"), &err), 5);
	ck_assert_int_eq(tls_read(pair.far, text, sizeof(text), &err), 5);
	ck_assert_str_eq(text, "hello");
	ck_assert_int_eq(tls_write(pair.far, slice_text("world"), &err), 5);
	ck_assert_int_eq(tls_read(pair.near, text, sizeof(text), &err), 5);
	ck_assert_str_eq(text, "world");
	ck_assert_int_eq(tls_read(pair.near, text, sizeof(text), &err), TLS_WANT_READ);
}
END_TEST

START_TEST(nothing_is_read_or_written_before_the_handshake)
{
	char byte;
	struct err err = { 0 };

	check_up();
	tls_pair_sockets(&pair);
	struct tls_target target = { HOST, 443 };

	ck_assert_int_eq(tls_client_session(pair.client, &target, pair.client_fd, pair.now_s,
					    &pair.near, &err),
			 0);
	ck_assert_int_eq(tls_write(pair.near, slice_text("early"), &err), TLS_ERROR);
	ck_assert_int_eq(tls_read(pair.near, &byte, 1, &err), TLS_ERROR);
	ck_assert_int_eq(err.code, ERR_BUG);
	/* Not even the hello is out. */
	ck_assert_int_eq(recv(pair.server_fd, &byte, 1, MSG_DONTWAIT), -1);
	ck_assert_int_eq(errno, EAGAIN);
}
END_TEST

START_TEST(a_goodbye_is_told_from_a_cut)
{
	char byte;
	struct err err = { 0 };

	check_up();
	ck_assert_int_eq(tls_write(pair.near, slice_text("x"), &err), 1);
	if (_i == 0)
		ck_assert_int_eq(tls_shutdown(pair.near, &err), 0);
	shutdown(pair.client_fd, SHUT_WR);
	ck_assert_int_eq(tls_read(pair.far, &byte, 1, &err), 1);
	ck_assert_int_eq(tls_read(pair.far, &byte, 1, &err), _i == 0 ? TLS_EOF : TLS_TRUNCATED);
}
END_TEST

START_TEST(after_our_goodbye_the_peer_may_still_talk)
{
	char byte;
	struct err err = { 0 };

	check_up();
	ck_assert_int_eq(tls_shutdown(pair.near, &err), 0);
	ck_assert_int_eq(tls_read(pair.far, &byte, 1, &err), TLS_EOF);
	ck_assert_int_eq(tls_write(pair.far, slice_text("x"), &err), 1);
	ck_assert_int_eq(tls_read(pair.near, &byte, 1, &err), 1);
	ck_assert_int_eq(byte, 'x');
}
END_TEST

START_TEST(a_peer_that_is_gone_is_an_error_and_no_signal)
{
	struct err err = { 0 };

	check_up();
	auto_close(&pair.server_fd);
	pair.server_fd = -1;
	ck_assert_int_eq(tls_write(pair.near, slice_text("x"), &err), TLS_ERROR);
	ck_assert_int_eq(err.code, ERR_SYS);
	ck_assert_str_eq(err.msg, "TLS connection with '" HOST "': Broken pipe");
	/* And so it stays. */
	ck_assert_int_eq(tls_write(pair.near, slice_text("x"), &err), TLS_ERROR);
}
END_TEST

START_TEST(the_end_of_the_stream_in_a_handshake_is_an_error)
{
	struct err err = { 0 };

	tls_pair_sockets(&pair);
	if (_i == 0) {
		struct tls_target target = { HOST, 443 };

		tls_client_session(pair.client, &target, pair.client_fd, pair.now_s, &pair.near,
				   &err);
		ck_assert_int_eq(tls_handshake(pair.near, &err), TLS_WANT_READ);
		shutdown(pair.server_fd, SHUT_WR);
		ck_assert_int_eq(tls_handshake(pair.near, &err), TLS_ERROR);
		ck_assert_ptr_nonnull(strstr(err.msg, "the server of '" HOST "' closed"));
	} else {
		tls_server_session(pair.server, HOST, pair.server_fd, pair.now_s, &pair.far, &err);
		ck_assert_int_eq(tls_handshake(pair.far, &err), TLS_WANT_READ);
		shutdown(pair.client_fd, SHUT_WR);
		ck_assert_int_eq(tls_handshake(pair.far, &err), TLS_ERROR);
		ck_assert_ptr_nonnull(strstr(err.msg, "the client of '" HOST "' closed"));
	}
	ck_assert_int_eq(err.code, ERR_INVALID);
}
END_TEST

/* The first `n` bytes that the client sent go back to the server's session by hand. */
static void put_back(size_t n)
{
	struct tls_target target = { HOST, 443 };
	char hello[4096];
	struct err err = { 0 };

	tls_pair_sockets(&pair);
	tls_client_session(pair.client, &target, pair.client_fd, pair.now_s, &pair.near, &err);
	ck_assert_int_eq(tls_handshake(pair.near, &err), TLS_WANT_READ);
	ssize_t got = recv(pair.server_fd, hello, n, 0);

	ck_assert_int_ge(got, n > 0 ? 1 : 0);
	tls_server_session(pair.server, HOST, pair.server_fd, pair.now_s, &pair.far, &err);
	tls_session_put_back(pair.far, (struct slice){ (const uint8_t *)hello, (size_t)got });
}

START_TEST(bytes_that_were_read_before_are_put_back)
{
	static const size_t sizes[] = { 0, 1, 5, 100, 4096 };
	struct err err = { 0 };
	char text[8] = "";

	put_back(sizes[_i]);
	for (int i = 0; i < 4; i++) {
		tls_handshake(pair.far, &err);
		tls_handshake(pair.near, &err);
	}
	ck_assert_msg(tls_handshake(pair.far, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(tls_write(pair.near, slice_text("after"), &err), 5);
	ck_assert_int_eq(tls_read(pair.far, text, sizeof(text), &err), 5);
	ck_assert_str_eq(text, "after");
}
END_TEST

START_TEST(a_session_that_never_reads_what_was_put_back_frees_it)
{
	put_back(4096);
}
END_TEST

START_TEST(what_is_left_in_a_record_is_pending)
{
	char byte;
	struct err err = { 0 };

	check_up();
	ck_assert_int_eq(tls_write(pair.near, slice_text("abc"), &err), 3);
	ck_assert_int_eq(tls_read(pair.far, &byte, 1, &err), 1);
	ck_assert(tls_has_pending(pair.far));
	ck_assert_int_eq(tls_read(pair.far, &byte, 1, &err), 1);
	ck_assert_int_eq(tls_read(pair.far, &byte, 1, &err), 1);
	ck_assert(!tls_has_pending(pair.far));
}
END_TEST

/* Two records in the socket, of which one read takes both off it. */
START_TEST(a_record_that_was_read_ahead_is_pending)
{
	char text[8];
	struct err err = { 0 };

	check_up();
	ck_assert_int_eq(tls_write(pair.near, slice_text("abc"), &err), 3);
	ck_assert_int_eq(tls_write(pair.near, slice_text("de"), &err), 2);
	ck_assert_int_eq(tls_read(pair.far, text, sizeof(text), &err), 3);
	ck_assert(tls_has_pending(pair.far));
	ck_assert_int_eq(tls_read(pair.far, text, sizeof(text), &err), 2);
	ck_assert_int_eq(tls_read(pair.far, text, sizeof(text), &err), TLS_WANT_READ);
}
END_TEST

START_TEST(a_socket_that_had_no_more_is_drained)
{
	char text[8];
	struct err err = { 0 };

	check_up();
	ck_assert_int_eq(tls_write(pair.near, slice_text("abc"), &err), 3);
	ck_assert_int_eq(tls_write(pair.near, slice_text("de"), &err), 2);
	ck_assert_int_eq(tls_read(pair.far, text, 1, &err), 1);
	ck_assert(!tls_is_drained(pair.far)); /* the rest of a record */
	ck_assert_int_eq(tls_read(pair.far, text, sizeof(text), &err), 2);
	ck_assert(!tls_is_drained(pair.far)); /* a record that was read ahead */
	ck_assert_int_eq(tls_read(pair.far, text, sizeof(text), &err), 2);
	ck_assert(tls_is_drained(pair.far));
}
END_TEST

/* More than the socket holds, by a writer whose buffer moves and a reader of odd sizes. */
START_TEST(a_long_stream_arrives_whole)
{
	enum { TOTAL = 4 << 20, CHUNK = 50000 };
	AUTO_FREE uint8_t *sent = mem_calloc(TOTAL, 1);
	AUTO_FREE uint8_t *got = mem_calloc(TOTAL, 1);
	uint8_t copies[2][CHUNK];
	size_t out = 0, in = 0, turn = 0;
	bool blocked = false;
	struct err err = { 0 };

	for (size_t i = 0; i < TOTAL; i++)
		sent[i] = (uint8_t)(i * 2654435761U >> 13);
	check_up();
	while (in < TOTAL) {
		size_t n = TOTAL - out < CHUNK ? TOTAL - out : CHUNK;
		uint8_t *copy = copies[turn++ % 2];

		memcpy(copy, sent + out, n);
		ssize_t wrote = n > 0 ? tls_write(pair.near, (struct slice){ copy, n }, &err) : 0;

		ck_assert_msg(wrote >= 0 || wrote == TLS_WANT_WRITE, "%s", err.msg);
		blocked |= wrote == TLS_WANT_WRITE;
		out += wrote > 0 ? (size_t)wrote : 0;
		if (wrote > 0)
			continue;
		size_t room = TOTAL - in < 12345 ? TOTAL - in : 12345;
		ssize_t read = tls_read(pair.far, got + in, room, &err);

		ck_assert_msg(read > 0 || read == TLS_WANT_READ, "%s", err.msg);
		in += read > 0 ? (size_t)read : 0;
	}
	ck_assert(blocked);
	ck_assert_mem_eq(sent, got, TOTAL);
}
END_TEST

/* Reading gives buffers back that are empty; those of a write that waits are not. */
START_TEST(a_write_that_waits_is_not_lost_by_a_read)
{
	enum { TOTAL = 1 << 20 };
	AUTO_FREE uint8_t *sent = mem_calloc(TOTAL, 1);
	AUTO_FREE uint8_t *got = mem_calloc(TOTAL, 1);
	size_t out = 0, in = 0;
	char byte;
	struct err err = { 0 };

	for (size_t i = 0; i < TOTAL; i++)
		sent[i] = (uint8_t)(i * 2654435761U >> 13);
	check_up();
	while (in < TOTAL) {
		ssize_t wrote = TLS_WANT_WRITE;

		if (out < TOTAL)
			wrote = tls_write(pair.near, (struct slice){ sent + out, TOTAL - out },
					  &err);
		ck_assert_int_eq(tls_read(pair.near, &byte, 1, &err), TLS_WANT_READ);
		out += wrote > 0 ? (size_t)wrote : 0;
		if (wrote > 0)
			continue;
		ssize_t read = tls_read(pair.far, got + in, TOTAL - in, &err);

		ck_assert_msg(read > 0, "%s", err.msg);
		in += (size_t)read;
	}
	ck_assert_mem_eq(sent, got, TOTAL);
}
END_TEST

Suite *tls_suite(void);
Suite *tls_suite(void)
{
	Suite *s = suite_create("tls");
	TCase *tc = tcase_create("tls");

	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_test(tc, bytes_go_both_ways);
	tcase_add_test(tc, nothing_is_read_or_written_before_the_handshake);
	tcase_add_loop_test(tc, a_goodbye_is_told_from_a_cut, 0, 2);
	tcase_add_test(tc, after_our_goodbye_the_peer_may_still_talk);
	tcase_add_test(tc, a_peer_that_is_gone_is_an_error_and_no_signal);
	tcase_add_loop_test(tc, the_end_of_the_stream_in_a_handshake_is_an_error, 0, 2);
	tcase_add_loop_test(tc, bytes_that_were_read_before_are_put_back, 0, 5);
	tcase_add_test(tc, a_session_that_never_reads_what_was_put_back_frees_it);
	tcase_add_test(tc, what_is_left_in_a_record_is_pending);
	tcase_add_test(tc, a_record_that_was_read_ahead_is_pending);
	tcase_add_test(tc, a_socket_that_had_no_more_is_drained);
	tcase_add_test(tc, a_long_stream_arrives_whole);
	tcase_add_test(tc, a_write_that_waits_is_not_lost_by_a_read);
	suite_add_tcase(s, tc);
	return s;
}
