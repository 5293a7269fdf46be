/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sandbox/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/sandbox/seccomp_load.h"
#include "lib/cleanup.h"

enum { EXIT_NOT_CONFINED = 125, EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127 };

/* Child to parent: the step that failed, or REPORT_READY, or REPORT_EXEC with why. */
enum { REPORT_READY = 100, REPORT_EXEC };

struct report {
	int step;
	int error;
};

static void send_report(int fd, struct report report)
{
	/* Nobody is left to tell if this fails: the parent takes a closed pipe for a failure. */
	while (syscall(SYS_write, fd, &report, sizeof(report)) == -1 && errno == EINTR)
		continue;
}

static int start_session(const struct child_plan *plan)
{
	if (plan->terminal_fd == CHILD_KEEP_SESSION)
		return 0;
	if (syscall(SYS_setsid) == -1)
		return errno;
	if (plan->terminal_fd >= 0 && syscall(SYS_ioctl, plan->terminal_fd, TIOCSCTTY, 0) == -1)
		return errno;
	return 0;
}

static int enter_network(const struct child_plan *plan)
{
	return plan->enter(plan->enter_fd);
}

static int close_on_exec(const struct child_plan *plan)
{
	(void)plan;
	return syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC) == -1 ? errno : 0;
}

static int forbid_core_dumps(const struct child_plan *plan)
{
	const struct rlimit none = { 0 };

	(void)plan;
	return syscall(SYS_prlimit64, 0, RLIMIT_CORE, &none, NULL) == -1 ? errno : 0;
}

static int drop_identity(const struct child_plan *plan)
{
	if (!plan->has_ids)
		return ids_drop(plan->ids);
	/* Its parent is no PID 1 where containers share the PID namespace. */
	if (plan->terminal_fd != CHILD_KEEP_SESSION &&
	    syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == -1)
		return errno;
	return ids_settle(plan->ids);
}

static int set_no_new_privs(const struct child_plan *plan)
{
	(void)plan;
	return syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ? errno : 0;
}

static int restrict_files(const struct child_plan *plan)
{
	return landlock_enter(plan->landlock);
}

static int load_seccomp(const struct child_plan *plan)
{
	return seccomp_load(plan->seccomp);
}

/* The order is the point. The session and the namespace need privilege; identity goes before
 * no_new_privs and Landlock, which need none; seccomp comes last because it forbids the rest. */
static const struct {
	int (*run)(const struct child_plan *plan);
	const char *name;
} steps[] = {
	{ start_session, "start a session" },
	{ enter_network, "enter the network namespace and prove it closed" },
	{ close_on_exec, "close inherited descriptors" },
	{ forbid_core_dumps, "forbid core dumps" },
	{ drop_identity, "give up root" },
	{ set_no_new_privs, "set no_new_privs" },
	{ restrict_files, "restrict files with Landlock and prove it" },
	{ load_seccomp, "load the seccomp filter" },
};

static const char *step_name(int step)
{
	return step >= 0 && step < (int)ARRAY_LEN(steps) ? steps[step].name
							 : "execute the workload";
}

/* The step that failed and its error, or none: REPORT_READY. */
static struct report confine(const struct child_plan *plan)
{
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		int error = steps[i].run(plan);

		if (error != 0)
			return (struct report){ (int)i, error };
	}
	return (struct report){ REPORT_READY, 0 };
}

/* As a shell looks a command up: go on where a file is missing, remember one that may not be run. */
static int try_candidates(const struct child_plan *plan)
{
	int error = ENOENT;

	for (size_t i = 0; plan->candidates[i] != NULL; i++) {
		syscall(SYS_execve, plan->candidates[i], plan->argv, plan->env);
		if (errno == EACCES)
			error = EACCES;
		else if (errno != ENOENT && errno != ENOTDIR)
			return errno;
	}
	return error;
}

static void __attribute__((noreturn))
run_child(const struct child_plan *plan, int report_fd, int go_fd)
{
	struct report report = confine(plan);
	char go;

	send_report(report_fd, report);
	if (report.step != REPORT_READY)
		_exit(EXIT_NOT_CONFINED);
	/* The end of the pipe without a byte: the parent does not want us to run. */
	if (syscall(SYS_read, go_fd, &go, 1) != 1)
		_exit(EXIT_NOT_EXECUTABLE);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, plan->mask, NULL, _NSIG / 8);
	send_report(report_fd, (struct report){ REPORT_EXEC, try_candidates(plan) });
	_exit(EXIT_NOT_EXECUTABLE);
}

/* 1 with a report, 0 at the end of the pipe. */
static int read_report(int fd, struct report *out)
{
	ssize_t n;

	do
		n = read(fd, out, sizeof(*out));
	while (n == -1 && errno == EINTR);
	return n == (ssize_t)sizeof(*out);
}

static int describe(const struct report *report, struct err *err)
{
	errno = report->error;
	if (report->error == EBADE)
		return err_set(err, ERR_DENIED,
			       "%s: a write that Landlock must refuse went through",
			       step_name(report->step));
	if (report->error == ENOTUNIQ)
		return err_set(err, ERR_DENIED, "%s: a datagram left the sandbox",
			       step_name(report->step));
	if (report->step == REPORT_EXEC && report->error == EACCES)
		return err_set(err, ERR_DENIED,
			       "not executable for this user, or outside the policy's paths");
	return err_sys(err, "%s", step_name(report->step));
}

static int await_ready(struct child *child, struct err *err)
{
	struct report report;

	if (read_report(child->report_fd, &report) != 1)
		return err_set(err, ERR_SYS, "the confined process ended before it was ready");
	return report.step == REPORT_READY ? 0 : describe(&report, err);
}

int child_start(const struct child_plan *plan, struct child *out, struct err *err)
{
	int report[2], go[2];

	if (pipe2(report, O_CLOEXEC) == -1)
		return err_sys(err, "create a pipe");
	AUTO_FD int report_read = report[0];
	AUTO_FD int report_write = report[1];
	if (pipe2(go, O_CLOEXEC) == -1)
		return err_sys(err, "create a pipe");
	AUTO_FD int go_read = go[0];
	AUTO_FD int go_write = go[1];
	pid_t pid = fork();

	if (pid == -1)
		return err_sys(err, "fork");
	if (pid == 0) {
		/* Its own copy of the writing end would keep it waiting if the parent died. */
		syscall(SYS_close, go_write);
		run_child(plan, report_write, go_read);
	}
	close(steal_fd(&report_write));
	struct child child = { pid, steal_fd(&report_read), steal_fd(&go_write) };
	if (await_ready(&child, err) == -1) {
		child_abandon(&child);
		return -1;
	}
	*out = child;
	return 0;
}

static int exec_status(int error)
{
	return error == ENOENT || error == ENOTDIR ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
}

int child_release(struct child *child, int *out_status, struct err *err)
{
	struct report report;

	if (write(child->go_fd, "g", 1) != 1)
		return err_sys(err, "release the workload");
	/* exec closes the pipe, so its end means success. */
	int told = read_report(child->report_fd, &report);

	close(child->go_fd);
	close(child->report_fd);
	child->go_fd = child->report_fd = -1;
	if (told == 0)
		return 0;
	*out_status = exec_status(report.error);
	return describe(&report, err);
}

int child_become(const struct child_plan *plan, int *out_status, struct err *err)
{
	struct report report = confine(plan);

	*out_status = EXIT_NOT_CONFINED;
	if (report.step == REPORT_READY) {
		report = (struct report){ REPORT_EXEC, try_candidates(plan) };
		*out_status = exec_status(report.error);
	}
	return describe(&report, err);
}

void child_abandon(struct child *child)
{
	kill(child->pid, SIGKILL);
	waitpid(child->pid, NULL, 0);
	auto_close(&child->go_fd);
	auto_close(&child->report_fd);
}
