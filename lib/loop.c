/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/loop.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/mem.h"

/* Enough to amortise the system call, few enough that timers and new connections get their turn. */
enum { BATCH = 128 };

struct loop {
	int epoll;
	bool stopped;
	int64_t now_ms;
	/* A heap by due time: timers[(i - 1) / 2] is not due after timers[i]. */
	struct loop_timer **timers;
	size_t n_timers, timers_cap;
	struct loop_task *first_task, *last_task;
	/* What the kernel reported this turn; a removed watcher leaves NULL behind. */
	struct epoll_event batch[BATCH];
	int n_batch;
	struct loop_fd signals;
	void (*got_signal)(void *ctx, int signal);
	void *signal_ctx;
};

static int64_t read_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int loop_new(struct loop **out, struct err *err)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (epoll == -1)
		return err_sys(err, "create an epoll descriptor");
	*out = mem_calloc(1, sizeof(**out));
	(*out)->epoll = epoll;
	(*out)->now_ms = read_clock();
	return 0;
}

void loop_free(struct loop *loop)
{
	if (loop == NULL)
		return;
	if (loop->signals.added)
		close(loop->signals.fd);
	close(loop->epoll);
	free(loop->timers);
	free(loop);
}

/* --- descriptors --------------------------------------------------------------------------------- */

static int control(struct loop *loop, int operation, struct loop_fd *watch, uint32_t events,
		   struct err *err)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	if (epoll_ctl(loop->epoll, operation, watch->fd, &event) == -1)
		return err_sys(err, "watch descriptor %d", watch->fd);
	return 0;
}

int loop_fd_add(struct loop *loop, struct loop_fd *watch, uint32_t events, struct err *err)
{
	assert(!watch->added);
	if (control(loop, EPOLL_CTL_ADD, watch, events, err) == -1)
		return -1;
	watch->added = true;
	return 0;
}

int loop_fd_change(struct loop *loop, struct loop_fd *watch, uint32_t events, struct err *err)
{
	return control(loop, EPOLL_CTL_MOD, watch, events, err);
}

/* What was reported of it this turn is not told any more. */
static void forget(struct loop *loop, struct loop_fd *watch)
{
	watch->added = false;
	for (int i = 0; i < loop->n_batch; i++)
		if (loop->batch[i].data.ptr == watch)
			loop->batch[i].data.ptr = NULL;
}

void loop_fd_remove(struct loop *loop, struct loop_fd *watch)
{
	struct err ignored;

	if (!watch->added)
		return;
	/* Only a closed descriptor makes this fail, and then it is no longer watched. */
	control(loop, EPOLL_CTL_DEL, watch, 0, &ignored);
	forget(loop, watch);
}

int loop_fd_move(struct loop *loop, struct loop_fd *from, struct loop_fd *to, uint32_t events,
		 struct err *err)
{
	if (control(loop, EPOLL_CTL_MOD, to, events, err) == -1) {
		loop_fd_remove(loop, from);
		to->added = false;
		return -1;
	}
	forget(loop, from);
	to->added = true;
	return 0;
}

void loop_fd_close(struct loop *loop, struct loop_fd *watch)
{
	if (watch->added)
		forget(loop, watch);
	close(watch->fd);
}

/* --- timers -------------------------------------------------------------------------------------- */

static void place(struct loop *loop, struct loop_timer *timer, size_t slot)
{
	loop->timers[slot] = timer;
	timer->slot = slot;
}

static void sift_up(struct loop *loop, struct loop_timer *timer, size_t slot)
{
	while (slot > 0 && loop->timers[(slot - 1) / 2]->due_ms > timer->due_ms) {
		place(loop, loop->timers[(slot - 1) / 2], slot);
		slot = (slot - 1) / 2;
	}
	place(loop, timer, slot);
}

static void sift_down(struct loop *loop, struct loop_timer *timer, size_t slot)
{
	for (;;) {
		size_t child = slot * 2 + 1;

		if (child + 1 < loop->n_timers &&
		    loop->timers[child + 1]->due_ms < loop->timers[child]->due_ms)
			child++;
		if (child >= loop->n_timers || loop->timers[child]->due_ms >= timer->due_ms)
			break;
		place(loop, loop->timers[child], slot);
		slot = child;
	}
	place(loop, timer, slot);
}

void loop_timer_cancel(struct loop *loop, struct loop_timer *timer)
{
	if (!timer->set)
		return;
	size_t slot = timer->slot;
	struct loop_timer *last = loop->timers[--loop->n_timers];
	timer->set = false;
	if (last == timer)
		return;
	sift_up(loop, last, slot);
	sift_down(loop, last, last->slot);
}

void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t after_ms)
{
	loop_timer_cancel(loop, timer);
	loop->timers = mem_grow(loop->timers, loop->n_timers, &loop->timers_cap,
				sizeof(struct loop_timer *));
	/* The clock of this turn may lag behind by up to a millisecond of its own. */
	timer->due_ms = loop->now_ms + after_ms + 1;
	timer->set = true;
	sift_up(loop, timer, loop->n_timers++);
}

static void fire_timers(struct loop *loop)
{
	while (!loop->stopped && loop->n_timers > 0 && loop->timers[0]->due_ms <= loop->now_ms) {
		struct loop_timer *timer = loop->timers[0];

		loop_timer_cancel(loop, timer);
		timer->fire(timer->ctx);
	}
}

/* --- tasks --------------------------------------------------------------------------------------- */

void loop_task_queue(struct loop *loop, struct loop_task *task)
{
	if (task->queued)
		return;
	task->queued = true;
	task->next = NULL;
	task->previous = loop->last_task;
	if (loop->last_task != NULL)
		loop->last_task->next = task;
	else
		loop->first_task = task;
	loop->last_task = task;
}

void loop_task_cancel(struct loop *loop, struct loop_task *task)
{
	if (!task->queued)
		return;
	task->queued = false;
	if (task->previous != NULL)
		task->previous->next = task->next;
	else
		loop->first_task = task->next;
	if (task->next != NULL)
		task->next->previous = task->previous;
	else
		loop->last_task = task->previous;
}

/* Those that are there now: what they queue runs on the next turn, so I/O is never starved. */
static void run_tasks(struct loop *loop)
{
	struct loop_task end = { 0 };

	if (loop->first_task == NULL)
		return;
	loop_task_queue(loop, &end);
	while (!loop->stopped && loop->first_task != &end) {
		struct loop_task *task = loop->first_task;

		loop_task_cancel(loop, task);
		task->run(task->ctx);
	}
	loop_task_cancel(loop, &end);
}

/* --- signals ------------------------------------------------------------------------------------- */

static void read_signals(void *ctx, uint32_t events)
{
	struct loop *loop = ctx;
	struct signalfd_siginfo info;

	(void)events;
	while (read(loop->signals.fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		loop->got_signal(loop->signal_ctx, (int)info.ssi_signo);
}

int loop_signals(struct loop *loop, const sigset_t *signals, void (*got)(void *ctx, int signal),
		 void *ctx, struct err *err)
{
	AUTO_FD int fd = signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);

	if (fd == -1)
		return err_sys(err, "create a signal descriptor");
	if (sigprocmask(SIG_BLOCK, signals, NULL) == -1)
		return err_sys(err, "block signals");
	loop->got_signal = got;
	loop->signal_ctx = ctx;
	loop->signals = (struct loop_fd){ .fd = fd, .ready = read_signals, .ctx = loop };
	if (loop_fd_add(loop, &loop->signals, EPOLLIN, err) == -1)
		return -1;
	steal_fd(&fd);
	return 0;
}

/* --- running ------------------------------------------------------------------------------------- */

int64_t loop_now_ms(const struct loop *loop)
{
	return loop->now_ms;
}

static int wait_ms(const struct loop *loop)
{
	if (loop->first_task != NULL)
		return 0;
	if (loop->n_timers == 0)
		return -1;
	int64_t left = loop->timers[0]->due_ms - loop->now_ms;
	if (left <= 0)
		return 0;
	return left < INT_MAX ? (int)left : INT_MAX;
}

static int turn(struct loop *loop, struct err *err)
{
	int n = epoll_wait(loop->epoll, loop->batch, BATCH, wait_ms(loop));

	if (n == -1 && errno != EINTR)
		return err_sys(err, "wait for events");
	loop->now_ms = read_clock();
	loop->n_batch = n > 0 ? n : 0;
	for (int i = 0; i < loop->n_batch && !loop->stopped; i++) {
		struct loop_fd *watch = loop->batch[i].data.ptr;

		if (watch != NULL)
			watch->ready(watch->ctx, loop->batch[i].events);
	}
	loop->n_batch = 0;
	fire_timers(loop);
	run_tasks(loop);
	return 0;
}

int loop_run(struct loop *loop, struct err *err)
{
	loop->stopped = false;
	while (!loop->stopped)
		if (turn(loop, err) == -1)
			return -1;
	return 0;
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}
