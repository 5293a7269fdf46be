/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/proxy/pipes.h"
#include "agent/proxy/stream.h"
#include "lib/cleanup.h"

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) != -1;
}

START_TEST(there_are_only_so_many)
{
	struct pipes pipes = { 0 };
	struct pipe *taken[PIPES_MAX];

	for (size_t i = 0; i < PIPES_MAX; i++) {
		taken[i] = pipes_take(&pipes);
		ck_assert_ptr_nonnull(taken[i]);
	}
	ck_assert_ptr_null(pipes_take(&pipes));
	pipes_give(&pipes, taken[0]);
	taken[0] = pipes_take(&pipes);
	ck_assert_ptr_nonnull(taken[0]);
	for (size_t i = 0; i < PIPES_MAX; i++)
		pipes_give(&pipes, taken[i]);
	ck_assert_uint_eq(pipes.n, PIPES_SPARE_MAX);
	pipes_done(&pipes);
	ck_assert_uint_eq(pipes.n, 0);
}
END_TEST

START_TEST(one_with_bytes_inside_is_closed_and_an_empty_one_is_kept)
{
	struct pipes pipes = { 0 };
	struct pipe *pipe = pipes_take(&pipes);
	int in = pipe->in;

	pipes_give(&pipes, pipe);
	ck_assert(is_open(in));
	pipe = pipes_take(&pipes);
	ck_assert_int_eq(pipe->in, in);
	pipe->n = 1;
	pipes_give(&pipes, pipe);
	ck_assert(!is_open(in));
	pipes_give(&pipes, NULL);
	ck_assert_uint_eq(pipes.n, 0);
}
END_TEST

static void ignore(void *ctx, uint32_t events)
{
	(void)ctx, (void)events;
}

/* A stream on one end of a socket pair, as ready as it can be; the other end is returned. */
static int open_stream(struct loop *loop, struct stream *s)
{
	struct err err = { 0 };
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	ck_assert_int_eq(stream_open(s, loop, fds[0], ignore, NULL, &err), 0);
	stream_note(s, EPOLLIN | EPOLLOUT);
	return fds[1];
}

START_TEST(bytes_go_from_socket_to_socket_and_so_does_the_end)
{
	struct pipes pipes = { 0 };
	struct pipe *pipe = pipes_take(&pipes);
	struct stream from, to;
	struct loop *loop;
	struct err err = { 0 };
	char got[8] = "";

	ck_assert_int_eq(loop_new(&loop, &err), 0);
	int source = open_stream(loop, &from);
	int sink = open_stream(loop, &to);

	ck_assert_int_eq(stream_drain(&to, pipe, &err), STREAM_FULL);
	ck_assert_int_eq(write(source, "abc", 3), 3);
	ck_assert_int_eq(stream_fill(&from, pipe, &err), STREAM_MOVED);
	ck_assert_uint_eq(pipe->n, 3);
	ck_assert_int_eq(stream_drain(&to, pipe, &err), STREAM_MOVED);
	ck_assert_uint_eq(pipe->n, 0);
	ck_assert_int_eq(read(sink, got, sizeof(got)), 3);
	ck_assert_str_eq(got, "abc");
	ck_assert_int_eq(stream_fill(&from, pipe, &err), STREAM_WAIT);
	ck_assert_int_eq(stream_fill(&from, pipe, &err), STREAM_WAIT);
	close(source);
	stream_note(&from, EPOLLIN | EPOLLHUP);
	ck_assert_int_eq(stream_fill(&from, pipe, &err), STREAM_END);
	close(sink);
	stream_close(&from, loop);
	stream_close(&to, loop);
	pipes_give(&pipes, pipe);
	pipes_done(&pipes);
	loop_free(loop);
}
END_TEST

Suite *proxy_pipes_suite(void);
Suite *proxy_pipes_suite(void)
{
	Suite *s = suite_create("proxy_pipes");
	TCase *tc = tcase_create("pipes");

	tcase_add_test(tc, there_are_only_so_many);
	tcase_add_test(tc, one_with_bytes_inside_is_closed_and_an_empty_one_is_kept);
	tcase_add_test(tc, bytes_go_from_socket_to_socket_and_so_does_the_end);
	suite_add_tcase(s, tc);
	return s;
}
