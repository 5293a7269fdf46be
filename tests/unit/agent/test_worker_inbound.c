/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that are passed on, byte by byte: one that has much to say does not keep the others waiting. Sockets of
 * loopback hold it all, so that nothing but the bound ends a turn. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/worker_inbound.h"
#include "lib/cleanup.h"

enum {
	ROOM = 32 << 20,
	MUCH = 6 << 20,
	/* A turn moves 1 MiB at most, and each end's event and what was left over may have one. */
	TURNS_MAX = 3 << 20,
	ENDED_TURNS = 50,
};

static int listen_at(uint16_t *out_port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(at);
	const int room = ROOM;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)), 0);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)), 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	*out_port = ntohs(at.sin_port);
	return fd;
}

static int call(uint16_t port)
{
	const struct sockaddr_in at = { .sin_family = AF_INET,
					.sin_port = htons(port),
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const int room = ROOM;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)), 0);
	ck_assert_int_eq(connect(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

/* Somebody else of the same loop, who always has something to do. */
struct other {
	struct loop *loop;
	struct loop_fd watch;
	int listening, workload, client; /* the last two: -1 once they are closed */
	int seen,
		most; /* bytes at the workload: by the last turn, and more than by the one before */
	int left; /* turns, once it has all */
};

static void look(void *ctx, uint32_t events)
{
	struct other *other = ctx;
	int now = 0;

	(void)events;
	if (other->left > 0 && --other->left == 0)
		loop_stop(other->loop);
	if (other->left > 0)
		return;
	if (other->workload == -1)
		other->workload = accept(other->listening, NULL, NULL);
	if (other->workload == -1 || ioctl(other->workload, FIONREAD, &now) == -1)
		return;
	if (now - other->seen > other->most)
		other->most = now - other->seen;
	other->seen = now;
	if (now < MUCH)
		return;
	close(other->workload);
	close(other->client);
	other->left = ENDED_TURNS;
}

static void send_much(int fd)
{
	static uint8_t bytes[MUCH];
	size_t sent = 0;

	while (sent < sizeof(bytes)) {
		ssize_t n = send(fd, bytes + sent, sizeof(bytes) - sent, 0);

		ck_assert_int_gt(n, 0);
		sent += (size_t)n;
	}
}

START_TEST(one_that_has_much_to_say_lets_others_have_their_turn)
{
	uint16_t port, workload_port;
	int ends[2];
	struct log log = { .level = LOG_LEVEL_ERROR };
	/* It serves for as long as its process lives, and so is not freed. */
	static struct other other;
	static struct worker_inbound *inbound;
	struct err err = { 0 };

	/* Only root may give sockets so much room. */
	if (geteuid() != 0)
		return;
	other = (struct other){ .workload = -1 };
	other.listening = listen_at(&workload_port);
	const struct worker_inbound_listener listener = {
		.fd = listen_at(&port),
		.to = { .bytes = { [10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1 } },
		.port = workload_port,
	};
	ck_assert_int_eq(loop_new(&other.loop, &err), 0);
	ck_assert_int_eq(worker_inbound_start(other.loop, &log, &listener, 1, &inbound, &err), 0);
	other.client = call(port);
	send_much(other.client);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	other.watch = (struct loop_fd){ .fd = ends[0], .ready = look, .ctx = &other };
	ck_assert_int_eq(loop_fd_add(other.loop, &other.watch, EPOLLIN, &err), 0);
	ck_assert_int_eq(loop_run(other.loop, &err), 0);
	ck_assert_int_eq(other.seen, MUCH);
	ck_assert_int_gt(other.most, 0);
	ck_assert_int_le(other.most, TURNS_MAX);
}
END_TEST

Suite *worker_inbound_suite(void);
Suite *worker_inbound_suite(void)
{
	Suite *s = suite_create("worker_inbound");
	TCase *tc = tcase_create("worker_inbound");

	tcase_add_test(tc, one_that_has_much_to_say_lets_others_have_their_turn);
	suite_add_tcase(s, tc);
	return s;
}
