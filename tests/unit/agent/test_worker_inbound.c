/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/worker_inbound.h"
#include "lib/cleanup.h"

static struct loop *loop;

static int listen_somewhere(int flags, uint16_t *out_port)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t n = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert(fd != -1 && bind(fd, (struct sockaddr *)&at, n) == 0 && listen(fd, 8) == 0 &&
		  getsockname(fd, (struct sockaddr *)&at, &n) == 0);
	*out_port = ntohs(at.sin_port);
	return fd;
}

/* A client that sends for as long as it is read, and a workload that reads for as long as there is something. */
static void __attribute__((noreturn)) send_without_end(uint16_t port)
{
	static const char bytes[65536];
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		while (send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL) > 0)
			continue;
	_exit(0);
}

static void __attribute__((noreturn)) read_without_end(int listener)
{
	static char bytes[1 << 20];
	int fd = accept(listener, NULL, NULL);

	while (recv(fd, bytes, sizeof(bytes), 0) > 0)
		continue;
	_exit(0);
}

static void stop(void *ctx)
{
	(void)ctx;
	loop_stop(loop);
}

START_TEST(a_connection_that_never_rests_leaves_others_their_turn)
{
	const uint8_t loopback[4] = { 127, 0, 0, 1 };
	const struct log log = { .level = LOG_LEVEL_ERROR, .fd = STDERR_FILENO };
	struct worker_inbound_listener inbound = { .to = address_v4(loopback) };
	static struct worker_inbound *served;
	struct loop_timer timer = { .fire = stop };
	struct err err = { 0 };
	uint16_t port;
	AUTO_FD int workload = listen_somewhere(0, &inbound.port);
	AUTO_FD int front = listen_somewhere(SOCK_NONBLOCK, &port);

	inbound.fd = front;
	pid_t reader = fork();
	if (reader == 0)
		read_without_end(workload);
	pid_t sender = fork();
	if (sender == 0)
		send_without_end(port);
	ck_assert_int_eq(loop_new(&loop, &err), 0);
	ck_assert_int_eq(worker_inbound_start(loop, &log, &inbound, 1, &served, &err), 0);
	loop_timer_set(loop, &timer, 200);
	ck_assert_int_eq(loop_run(loop, &err), 0);
	kill(sender, SIGKILL);
	kill(reader, SIGKILL);
	waitpid(sender, NULL, 0);
	waitpid(reader, NULL, 0);
}
END_TEST

Suite *worker_inbound_suite(void);
Suite *worker_inbound_suite(void)
{
	Suite *s = suite_create("worker_inbound");
	TCase *tc = tcase_create("worker_inbound");

	tcase_add_test(tc, a_connection_that_never_rests_leaves_others_their_turn);
	suite_add_tcase(s, tc);
	return s;
}
