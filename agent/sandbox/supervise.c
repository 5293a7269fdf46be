/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sandbox/supervise.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>

static void give_up_terminal(int fd)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction before;

	/* The kernel hangs up on a session that loses its terminal. */
	sigaction(SIGHUP, &ignore, &before);
	ioctl(fd, TIOCNOTTY);
	sigaction(SIGHUP, &before, NULL);
}

int supervise_prepare(int terminal_fd, sigset_t *out_before, struct err *err)
{
	sigset_t all;

	if (terminal_fd >= 0)
		give_up_terminal(terminal_fd);
	sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, &all, out_before) == -1)
		return err_sys(err, "block signals");
	return 0;
}

struct state {
	const struct supervise_config *config;
	bool ended; /* the workload, with `status` of waitpid() */
	int status;
	pid_t lost; /* an essential process that is gone; 0 for none */
};

static void note_end(struct state *state, pid_t pid, int status)
{
	if (pid == state->config->workload) {
		state->ended = true;
		state->status = status;
	}
	for (size_t i = 0; i < state->config->n_essential; i++)
		if (pid == state->config->essential[i])
			state->lost = pid;
}

static void reap(struct state *state)
{
	int status;
	pid_t pid;

	/* Its descendants could keep us busy for ever: once it has ended, they end with us. */
	while (!state->ended && (pid = waitpid(-1, &status, WNOHANG)) > 0)
		note_end(state, pid, status);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits for a signal, at the longest until `due_ms`, and passes it on. */
static void wait_signal(const struct state *state, int64_t due_ms)
{
	int64_t left_ms = due_ms - now_ms();
	struct timespec left = { .tv_sec = left_ms / 1000, .tv_nsec = left_ms % 1000 * 1000000 };
	sigset_t all;

	sigfillset(&all);
	if (left_ms <= 0)
		return;
	int signal = sigtimedwait(&all, NULL, &left);
	if (signal > 0 && signal != SIGCHLD)
		kill(state->config->workload, signal);
}

static int end_all(const struct state *state, struct err *err)
{
	kill(state->config->workload, SIGKILL);
	if (state->lost != 0)
		return err_set(err, ERR_DENIED, "process %d of the sandbox has ended", state->lost);
	return -1;
}

int supervise(const struct supervise_config *config, int *out_status, struct err *err)
{
	/* Without a check there is nothing to wake for; a signal comes sooner. */
	const int64_t every_ms =
		(config->check != NULL ? config->check_every_s : 3600) * INT64_C(1000);
	struct state state = { .config = config };
	int64_t due_ms = now_ms() + every_ms;

	/* Any of them may have ended before we first look. */
	for (reap(&state); !state.ended && state.lost == 0; reap(&state)) {
		wait_signal(&state, due_ms);
		if (now_ms() < due_ms)
			continue;
		due_ms += every_ms;
		if (config->check != NULL && config->check(config->ctx, err) == -1)
			return end_all(&state, err);
	}
	if (!state.ended)
		return end_all(&state, err);
	*out_status = WIFSIGNALED(state.status) ? 128 + WTERMSIG(state.status)
						: WEXITSTATUS(state.status);
	return 0;
}
