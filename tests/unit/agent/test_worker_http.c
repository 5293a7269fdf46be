/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/events.h"
#include "agent/proxy/refusal.h"
#include "agent/worker_http.h"
#include "lib/cleanup.h"
#include "lib/mem.h"

#define HOST "Host: 10.0.0.1:15090\r\n"

static const struct worker_counts ready = {
	.proxy = { .accepted = 7, .open = 2, .refused = { [REFUSAL_POLICY] = 3 } },
	.is_ready = 1,
};

static const struct {
	const char *request, *start, *end;
} answers[] = {
	{ "GET /healthz HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 200 OK\r\n", "\r\n\r\nok\n" },
	{ "GET /readyz HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\n", "\r\n\r\nready\n" },
	{ "HEAD /readyz HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 200 OK\r\n", "close\r\n\r\n" },
	{ "HEAD /metrics HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 200 OK\r\n", "close\r\n\r\n" },
	{ "GET /metrics HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 200 OK\r\n", "\"} 1\n" },
	{ "GET / HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 404 ", "/readyz\n" },
	{ "GET /metrics/ HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 404 ", "/readyz\n" },
	{ "POST /metrics HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 405 ", "HEAD\n" },
	{ "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", "HTTP/1.1 405 ", "HEAD\n" },
	{ "GET /healthz HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ", "long\n" },
	{ "GET /healthz HTTP/2.0\r\n" HOST "\r\n", "HTTP/1.1 400 ", "long\n" },
	{ "\x16\x03\x01\r\n\r\n", "HTTP/1.1 400 ", "long\n" },
};

START_TEST(requests_get_the_answer_of_the_table)
{
	AUTO(buf_done) struct buf out = buf_init(WORKER_COUNTS_TEXT_MAX + 512);
	const char *end = answers[_i].end;

	ck_assert(worker_http_answer(slice_text(answers[_i].request), &ready, &out));
	ck_assert(!out.overflow);
	ck_assert_msg(strncmp(buf_text(&out), answers[_i].start, strlen(answers[_i].start)) == 0,
		      "%s", buf_text(&out));
	ck_assert_msg(strcmp(buf_text(&out) + out.n - strlen(end), end) == 0, "%s", buf_text(&out));
}
END_TEST

START_TEST(an_unfinished_request_waits_and_one_that_is_too_long_is_refused)
{
	static const char request[] = "GET /healthz HTTP/1.1\r\n" HOST "\r\n";
	AUTO(buf_done) struct buf out = buf_init(WORKER_COUNTS_TEXT_MAX + 512);
	AUTO_FREE uint8_t *fields = mem_calloc(WORKER_HTTP_HEAD_MAX, 1);

	for (size_t n = 0; n < sizeof(request) - 1; n++) {
		AUTO_FREE uint8_t *cut = malloc(n > 0 ? n : 1);

		memcpy(cut, request, n);
		ck_assert(!worker_http_answer((struct slice){ cut, n }, &ready, &out));
		ck_assert_uint_eq(out.n, 0);
	}
	for (size_t i = 0; i + 4 <= WORKER_HTTP_HEAD_MAX; i += 4)
		memcpy(fields + i, i == 0 ? "GET " : "/aaa", 4);
	ck_assert(worker_http_answer((struct slice){ fields, WORKER_HTTP_HEAD_MAX }, &ready, &out));
	ck_assert(strncmp(buf_text(&out), "HTTP/1.1 400 ", 13) == 0);
}
END_TEST

START_TEST(what_is_told_to_stop_is_alive_but_not_ready)
{
	static const struct worker_counts stopping = { .is_ready = 0 };
	AUTO(buf_done) struct buf out = buf_init(1024);

	worker_http_answer(slice_text("GET /readyz HTTP/1.0\r\n\r\n"), &stopping, &out);
	ck_assert(strncmp(buf_text(&out), "HTTP/1.1 503 ", 13) == 0);
	buf_clear(&out);
	worker_http_answer(slice_text("GET /healthz HTTP/1.0\r\n\r\n"), &stopping, &out);
	ck_assert(strncmp(buf_text(&out), "HTTP/1.1 200 ", 13) == 0);
}
END_TEST

START_TEST(metrics_hold_the_numbers_and_each_name_is_explained_once)
{
	AUTO(buf_done) struct buf out = buf_init(WORKER_COUNTS_TEXT_MAX);

	worker_counts_put(&ready, &out);
	ck_assert(!out.overflow);
	for (const char *line = buf_text(&out); *line != '\0'; line = strchr(line, '\n') + 1) {
		AUTO_FREE char *name = mem_strndup(line, strcspn(line, "{ "));
		AUTO(buf_done) struct buf help = buf_init(256);

		if (*line == '#')
			continue;
		buf_printf(&help, "# HELP %s ", name);
		const char *first = strstr(buf_text(&out), buf_text(&help));
		ck_assert_msg(first != NULL && first < line, "%s", name);
		ck_assert_ptr_null(strstr(first + 1, buf_text(&help)));
	}
	ck_assert_ptr_nonnull(strstr(buf_text(&out), "\nopenshell_proxy_connections_total 7\n"));
	ck_assert_ptr_nonnull(
		strstr(buf_text(&out),
		       "\nopenshell_proxy_refusals_total{error=\"policy_denied\"} 3\n"));
}
END_TEST

/* A peer that sends for as long as it is listened to. */
struct flood {
	struct loop *loop;
	struct loop_task task;
	int fd;
	size_t sent;
};

enum { FLOOD_MAX = 64 << 20 };

static void flood(void *ctx)
{
	static const char bytes[4096];
	struct flood *f = ctx;
	ssize_t n = send(f->fd, bytes, sizeof(bytes), MSG_NOSIGNAL | MSG_DONTWAIT);

	f->sent += n > 0 ? (size_t)n : 0;
	if ((n == -1 && errno != EAGAIN) || f->sent > FLOOD_MAX)
		loop_stop(f->loop);
	else
		loop_task_queue(f->loop, &f->task);
}

static void collect(void *ctx, struct worker_counts *out)
{
	(void)ctx;
	*out = ready;
}

START_TEST(who_sends_on_behind_the_request_is_cut_off)
{
	static const char request[] = "GET /healthz HTTP/1.0\r\n\r\n";
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t n = sizeof(at);
	AUTO_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	AUTO_FD int peer = socket(AF_INET, SOCK_STREAM, 0);
	struct flood f = { .task = { .run = flood, .ctx = &f }, .fd = peer };
	/* Nothing ends it; what a static points to is no leak. */
	static struct worker_http *http;
	struct err err;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert(bind(fd, (struct sockaddr *)&at, n) == 0 && listen(fd, 1) == 0 &&
		  getsockname(fd, (struct sockaddr *)&at, &n) == 0 &&
		  connect(peer, (struct sockaddr *)&at, n) == 0);
	ck_assert_int_eq(send(peer, request, sizeof(request) - 1, 0), sizeof(request) - 1);
	ck_assert_int_eq(loop_new(&f.loop, &err), 0);
	const struct worker_http_config config = { .loop = f.loop, .fd = fd, .collect = collect };
	ck_assert_int_eq(worker_http_start(&config, &http, &err), 0);
	loop_task_queue(f.loop, &f.task);
	ck_assert_int_eq(loop_run(f.loop, &err), 0);
	ck_assert_uint_le(f.sent, FLOOD_MAX);
}
END_TEST

static void stop(void *ctx)
{
	loop_stop(ctx);
}

/* What became of `peer` after the loop ran for a while. */
static ssize_t answer_after(struct loop *loop, int64_t ms, int peer, char *bytes, size_t n)
{
	struct loop_timer soon = { .fire = stop, .ctx = loop };
	struct err err;

	loop_timer_set(loop, &soon, ms);
	ck_assert_int_eq(loop_run(loop, &err), 0);
	return recv(peer, bytes, n, MSG_DONTWAIT);
}

START_TEST(without_descriptors_it_waits_says_so_once_and_serves_later)
{
	static const char request[] = "GET /healthz HTTP/1.0\r\n\r\n";
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t n = sizeof(at);
	AUTO_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	AUTO_FD int peer = socket(AF_INET, SOCK_STREAM, 0);
	struct rlimit all, none;
	struct loop *loop;
	static struct worker_http *http;
	char bytes[512];
	int said[2];
	struct err err;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert(bind(fd, (struct sockaddr *)&at, n) == 0 && listen(fd, 1) == 0 &&
		  getsockname(fd, (struct sockaddr *)&at, &n) == 0 &&
		  connect(peer, (struct sockaddr *)&at, n) == 0 && pipe(said) == 0);
	ck_assert_int_eq(send(peer, request, sizeof(request) - 1, 0), sizeof(request) - 1);
	ck_assert_int_eq(loop_new(&loop, &err), 0);
	const struct log log = { .level = LOG_LEVEL_INFO,
				 .fd = said[1],
				 .events = agent_events,
				 .n_events = agent_events_n };
	const struct worker_http_config config = {
		.loop = loop, .log = &log, .fd = fd, .collect = collect
	};
	ck_assert_int_eq(worker_http_start(&config, &http, &err), 0);
	getrlimit(RLIMIT_NOFILE, &all);
	none = all;
	none.rlim_cur = 3;
	setrlimit(RLIMIT_NOFILE, &none);
	ck_assert_int_eq(answer_after(loop, 250, peer, bytes, sizeof(bytes)), -1);
	setrlimit(RLIMIT_NOFILE, &all);
	ck_assert_int_gt(answer_after(loop, 1500, peer, bytes, sizeof(bytes)), 0);
	close(said[1]);
	n = (socklen_t)read(said[0], bytes, sizeof(bytes) - 1);
	bytes[n] = '\0';
	const char *event = strstr(bytes, "proxy.accept_failed");
	ck_assert(event != NULL && strstr(event + 1, "proxy.accept_failed") == NULL);
	close(said[0]);
}
END_TEST

Suite *worker_http_suite(void);
Suite *worker_http_suite(void)
{
	Suite *s = suite_create("worker_http");
	TCase *tc = tcase_create("worker_http");

	tcase_add_loop_test(tc, requests_get_the_answer_of_the_table, 0, ARRAY_LEN(answers));
	tcase_add_test(tc, an_unfinished_request_waits_and_one_that_is_too_long_is_refused);
	tcase_add_test(tc, what_is_told_to_stop_is_alive_but_not_ready);
	tcase_add_test(tc, without_descriptors_it_waits_says_so_once_and_serves_later);
	tcase_add_test(tc, who_sends_on_behind_the_request_is_cut_off);
	tcase_add_test(tc, metrics_hold_the_numbers_and_each_name_is_explained_once);
	suite_add_tcase(s, tc);
	return s;
}
