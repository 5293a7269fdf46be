/* SPDX-License-Identifier: Apache-2.0 */
/* loop: one thread's epoll loop: descriptors, timers, signals and deferred tasks. The watchers are
 * embedded in what they belong to, so the loop holds no more than its owner lets exist.
 *
 * Any callback may add, change and remove any watcher, its own too: one that is removed is not called
 * any more, even if the kernel had already reported it. */
#ifndef LIB_LOOP_H
#define LIB_LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

struct loop;

/* A zeroed watcher is one that was not added. */
struct loop_fd {
	int fd;
	/* `events`: of EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLHUP, EPOLLERR. */
	void (*ready)(void *ctx, uint32_t events);
	void *ctx;
	bool added; /* the loop's */
};

/* A zeroed timer is one that is not set. */
struct loop_timer {
	void (*fire)(void *ctx);
	void *ctx;
	int64_t due_ms; /* the loop's, as the two below */
	size_t slot;
	bool set;
};

struct loop_task {
	void (*run)(void *ctx);
	void *ctx;
	struct loop_task *next, *previous; /* the loop's, as the one below */
	bool queued;
};

int loop_new(struct loop **out, struct err *err);

/* Descriptors that were added stay open. Accepts NULL. */
void loop_free(struct loop *loop);

/* `events` as for epoll_ctl(2), EPOLLET too. Fails with ERR_SYS (too many descriptors). */
int loop_fd_add(struct loop *loop, struct loop_fd *watch, uint32_t events, struct err *err);
int loop_fd_change(struct loop *loop, struct loop_fd *watch, uint32_t events, struct err *err);

/* Before the descriptor is closed. Accepts one that was not added. */
void loop_fd_remove(struct loop *loop, struct loop_fd *watch);

/* What `from` watched is watched by `to`, a copy of it, with `events`: whatever is ready then is reported. On failure
 * nothing watches. */
int loop_fd_move(struct loop *loop, struct loop_fd *from, struct loop_fd *to, uint32_t events,
		 struct err *err);

/* loop_fd_remove() and close(2) in one, for a descriptor that has no duplicate: the kernel stops watching
 * it by itself. Accepts a watcher that was not added. */
void loop_fd_close(struct loop *loop, struct loop_fd *watch);

/* Sets or moves the timer. It fires once, not before `after_ms` have passed. */
void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t after_ms);
void loop_timer_cancel(struct loop *loop, struct loop_timer *timer);

/* Runs the task once, after the callbacks of this turn; queued twice it runs once. */
void loop_task_queue(struct loop *loop, struct loop_task *task);
void loop_task_cancel(struct loop *loop, struct loop_task *task);

/* Calls `got` with each signal of `signals` instead of its usual effect; they are blocked for the
 * calling process. Once a loop. */
int loop_signals(struct loop *loop, const sigset_t *signals, void (*got)(void *ctx, int signal),
		 void *ctx, struct err *err);

/* CLOCK_MONOTONIC, as of the beginning of this turn. */
int64_t loop_now_ms(const struct loop *loop);

/* Runs until loop_stop(), or fails with ERR_SYS. */
int loop_run(struct loop *loop, struct err *err);
void loop_stop(struct loop *loop);

#endif
