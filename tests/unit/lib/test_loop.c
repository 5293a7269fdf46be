/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/loop.h"

#include <check.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "lib/cleanup.h"
#include "lib/mem.h"

static struct loop *loop;
static struct err err;

static void make_loop(void)
{
	ck_assert_int_eq(loop_new(&loop, &err), 0);
}

static void free_loop(void)
{
	loop_free(loop);
}

static void stop(void *ctx)
{
	(void)ctx;
	loop_stop(loop);
}

static void count(void *ctx)
{
	++*(int *)ctx;
}

static void count_event(void *ctx, uint32_t events)
{
	(void)events;
	++*(int *)ctx;
}

static void pair(int fds[2])
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
}

static void run_for(int64_t ms)
{
	struct loop_timer timer = { .fire = stop };

	loop_timer_set(loop, &timer, ms);
	ck_assert_int_eq(loop_run(loop, &err), 0);
}

enum { TIMERS = 200 };

static int64_t fired[TIMERS];
static size_t n_fired;

struct noted {
	struct loop_timer timer;
	int64_t after_ms;
};

static void note(void *ctx)
{
	fired[n_fired++] = ((struct noted *)ctx)->after_ms;
}

START_TEST(timers_fire_in_order_and_not_early)
{
	struct noted timers[TIMERS] = { 0 };
	int64_t before = loop_now_ms(loop);

	n_fired = 0;
	for (int i = 0; i < TIMERS; i++) {
		/* A permutation of 0..199, as 77 and 200 have no common divisor. */
		timers[i].after_ms = i * 77 % TIMERS / 4;
		timers[i].timer = (struct loop_timer){ .fire = note, .ctx = &timers[i] };
		loop_timer_set(loop, &timers[i].timer, timers[i].after_ms);
	}
	/* Every third goes, from all over the heap. */
	for (int i = 0; i < TIMERS; i += 3)
		loop_timer_cancel(loop, &timers[i].timer);
	run_for(TIMERS / 4);
	ck_assert_uint_eq(n_fired, TIMERS - (TIMERS + 2) / 3);
	for (size_t i = 1; i < n_fired; i++)
		ck_assert_int_le(fired[i - 1], fired[i]);
	ck_assert_int_ge(loop_now_ms(loop) - before, TIMERS / 4);
}
END_TEST

START_TEST(a_timer_that_is_set_again_moves)
{
	int n = 0;
	struct loop_timer timer = { .fire = count, .ctx = &n };

	loop_timer_set(loop, &timer, 1);
	loop_timer_set(loop, &timer, 10000);
	run_for(20);
	ck_assert_int_eq(n, 0);
	loop_timer_set(loop, &timer, 0);
	run_for(20);
	ck_assert_int_eq(n, 1);
	run_for(5);
	ck_assert_int_eq(n, 1);
	loop_timer_cancel(loop, &timer);
}
END_TEST

START_TEST(a_descriptor_reports_what_it_was_added_for)
{
	int fds[2];
	int n = 0;

	pair(fds);
	struct loop_fd watch = { .fd = fds[0], .ready = count_event, .ctx = &n };
	ck_assert_int_eq(loop_fd_add(loop, &watch, EPOLLIN | EPOLLET, &err), 0);
	run_for(5);
	ck_assert_int_eq(n, 0);
	ck_assert_int_eq(write(fds[1], "x", 1), 1);
	run_for(5);
	ck_assert_int_eq(n, 1);
	ck_assert_int_eq(loop_fd_change(loop, &watch, EPOLLOUT | EPOLLET, &err), 0);
	run_for(5);
	ck_assert_int_eq(n, 2);
	loop_fd_remove(loop, &watch);
	loop_fd_remove(loop, &watch);
	ck_assert_int_eq(write(fds[1], "x", 1), 1);
	run_for(5);
	ck_assert_int_eq(n, 2);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

START_TEST(what_moves_reports_what_is_ready_to_its_new_owner_alone)
{
	int fds[2];
	int before = 0, after = 0;

	pair(fds);
	struct loop_fd from = { .fd = fds[0], .ready = count_event, .ctx = &before };
	ck_assert_int_eq(loop_fd_add(loop, &from, EPOLLIN | EPOLLET, &err), 0);
	ck_assert_int_eq(write(fds[1], "x", 1), 1);
	run_for(5);
	struct loop_fd to = { .fd = fds[0], .ready = count_event, .ctx = &after };
	ck_assert_int_eq(loop_fd_move(loop, &from, &to, EPOLLIN | EPOLLET, &err), 0);
	ck_assert(!from.added && to.added);
	run_for(5);
	ck_assert_int_eq(before, 1);
	ck_assert_int_eq(after, 1);
	loop_fd_remove(loop, &from);
	ck_assert_int_eq(write(fds[1], "x", 1), 1);
	run_for(5);
	ck_assert_int_eq(after, 2);
	loop_fd_close(loop, &to);
	close(fds[1]);
}
END_TEST

START_TEST(a_descriptor_that_cannot_be_watched_is_an_error)
{
	struct loop_fd watch = { .fd = -1, .ready = count_event };

	ck_assert_int_eq(loop_fd_add(loop, &watch, EPOLLIN, &err), -1);
	ck_assert_int_eq(err.code, ERR_SYS);
	ck_assert(!watch.added);
}
END_TEST

struct peer {
	struct loop_fd watch;
	struct peer *other;
};

static struct peer *survivor;

/* Both are ready in one turn: the first that runs frees the other. */
static void remove_other(void *ctx, uint32_t events)
{
	struct peer *self = ctx;

	(void)events;
	ck_assert_ptr_nonnull(self->other);
	loop_fd_remove(loop, &self->other->watch);
	close(self->other->watch.fd);
	free(self->other);
	self->other = NULL;
	survivor = self;
	loop_stop(loop);
}

START_TEST(what_is_removed_is_not_called_even_if_it_was_reported)
{
	struct peer *peers[2] = { mem_calloc(1, sizeof(struct peer)),
				  mem_calloc(1, sizeof(struct peer)) };
	int writers[2];

	for (int i = 0; i < 2; i++) {
		int fds[2];

		pair(fds);
		writers[i] = fds[1];
		peers[i]->watch =
			(struct loop_fd){ .fd = fds[0], .ready = remove_other, .ctx = peers[i] };
		peers[i]->other = peers[1 - i];
		ck_assert_int_eq(loop_fd_add(loop, &peers[i]->watch, EPOLLIN, &err), 0);
		ck_assert_int_eq(write(writers[i], "x", 1), 1);
	}
	ck_assert_int_eq(loop_run(loop, &err), 0);
	for (int i = 0; i < 2; i++)
		close(writers[i]);
	close(survivor->watch.fd);
	free(survivor);
}
END_TEST

static void queue_again(void *ctx)
{
	struct loop_task *task = ctx;

	n_fired++;
	loop_task_queue(loop, task);
}

START_TEST(a_task_that_queues_itself_does_not_starve_the_rest)
{
	int events = 0;
	int fds[2];
	struct loop_task task = { .run = queue_again, .ctx = &task };

	pair(fds);
	struct loop_fd watch = { .fd = fds[0], .ready = count_event, .ctx = &events };
	ck_assert_int_eq(loop_fd_add(loop, &watch, EPOLLOUT, &err), 0);
	n_fired = 0;
	loop_task_queue(loop, &task);
	run_for(10);
	ck_assert_uint_gt(n_fired, 1);
	ck_assert_int_gt(events, 1);
	loop_task_cancel(loop, &task);
	loop_fd_remove(loop, &watch);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

START_TEST(tasks_run_once_each_and_not_when_cancelled)
{
	int n[3] = { 0 };
	struct loop_task tasks[3];

	for (int i = 0; i < 3; i++) {
		tasks[i] = (struct loop_task){ .run = count, .ctx = &n[i] };
		loop_task_queue(loop, &tasks[i]);
		loop_task_queue(loop, &tasks[i]);
	}
	loop_task_cancel(loop, &tasks[1]);
	run_for(2);
	ck_assert_int_eq(n[0], 1);
	ck_assert_int_eq(n[1], 0);
	ck_assert_int_eq(n[2], 1);
}
END_TEST

static void note_signal(void *ctx, int signal)
{
	*(int *)ctx = signal;
	loop_stop(loop);
}

START_TEST(signals_arrive_as_events)
{
	int got = 0;
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	ck_assert_int_eq(loop_signals(loop, &signals, note_signal, &got, &err), 0);
	kill(getpid(), SIGTERM);
	ck_assert_int_eq(loop_run(loop, &err), 0);
	ck_assert_int_eq(got, SIGTERM);
	sigprocmask(SIG_UNBLOCK, &signals, NULL);
}
END_TEST

Suite *loop_suite(void);
Suite *loop_suite(void)
{
	Suite *s = suite_create("loop");
	TCase *tc = tcase_create("loop");

	tcase_add_checked_fixture(tc, make_loop, free_loop);
	tcase_add_test(tc, timers_fire_in_order_and_not_early);
	tcase_add_test(tc, a_timer_that_is_set_again_moves);
	tcase_add_test(tc, a_descriptor_reports_what_it_was_added_for);
	tcase_add_test(tc, what_moves_reports_what_is_ready_to_its_new_owner_alone);
	tcase_add_test(tc, a_descriptor_that_cannot_be_watched_is_an_error);
	tcase_add_test(tc, what_is_removed_is_not_called_even_if_it_was_reported);
	tcase_add_test(tc, a_task_that_queues_itself_does_not_starve_the_rest);
	tcase_add_test(tc, tasks_run_once_each_and_not_when_cancelled);
	tcase_add_test(tc, signals_arrive_as_events);
	suite_add_tcase(s, tc);
	return s;
}
