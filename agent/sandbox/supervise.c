/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sandbox/supervise.h"

#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static void give_up_terminal(int fd)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction before;

	/* The kernel hangs up on a session that loses its terminal. */
	sigaction(SIGHUP, &ignore, &before);
	ioctl(fd, TIOCNOTTY);
	sigaction(SIGHUP, &before, NULL);
}

int supervise_terminal(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (tcgetsid(fd) == getpid())
			return fd;
	return -1;
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
	struct loop_timer timer;
	bool ended; /* the workload, with `status` of waitpid() */
	int status;
	pid_t lost; /* an essential process that is gone; 0 for none */
	struct err *err;
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
	if (state->ended || state->lost != 0)
		loop_stop(state->config->loop);
}

static void got_signal(void *ctx, int signal)
{
	struct state *state = ctx;

	if (signal == SIGCHLD)
		reap(state);
	/* Once it has been reaped, its number may be another's. */
	else if (!state->ended)
		kill(state->config->workload, signal);
}

static void check(void *ctx)
{
	struct state *state = ctx;
	const struct supervise_config *config = state->config;

	if (config->check(config->ctx, state->err) == -1) {
		loop_stop(config->loop);
		return;
	}
	loop_timer_set(config->loop, &state->timer, config->check_every_s * INT64_C(1000));
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
	struct state state = { .config = config, .err = err };
	sigset_t all;

	sigfillset(&all);
	state.timer = (struct loop_timer){ .fire = check, .ctx = &state };
	if (loop_signals(config->loop, &all, got_signal, &state, err) == -1)
		return end_all(&state, err);
	if (config->check != NULL)
		loop_timer_set(config->loop, &state.timer, config->check_every_s * INT64_C(1000));
	/* Any of them may have ended before we first look. */
	reap(&state);
	if (!state.ended && state.lost == 0 && loop_run(config->loop, err) == -1)
		return end_all(&state, err);
	loop_timer_cancel(config->loop, &state.timer);
	if (!state.ended)
		return end_all(&state, err);
	*out_status = WIFSIGNALED(state.status) ? 128 + WTERMSIG(state.status)
						: WEXITSTATUS(state.status);
	return 0;
}
