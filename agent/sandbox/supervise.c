/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sandbox/supervise.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

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

/* True when `pid` itself was among those reaped. */
static bool reap(pid_t pid, int *out_status)
{
	bool ended = false;
	int status;
	pid_t one;

	while ((one = waitpid(-1, &status, WNOHANG)) > 0) {
		if (one != pid)
			continue;
		*out_status = status;
		ended = true;
	}
	return ended;
}

int supervise(pid_t pid)
{
	sigset_t all;
	int status = 0;

	sigfillset(&all);
	/* It may have ended before we first look. */
	while (!reap(pid, &status)) {
		int signal = sigwaitinfo(&all, NULL);

		if (signal > 0 && signal != SIGCHLD)
			kill(pid, signal);
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
