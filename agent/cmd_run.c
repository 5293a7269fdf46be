/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_run: PID 1 of a combined container. Builds the sandbox, checks with the kernel that it holds,
 * lets the workload run in it and ends as the workload ends. Whatever fails before that ends the
 * container with one line and EXIT_NO_SANDBOX; there is no way to go on with less. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/cmds.h"
#include "agent/net/netns.h"
#include "agent/run_options.h"
#include "agent/run_policy.h"
#include "agent/run_report.h"
#include "agent/run_state.h"
#include "agent/sandbox/child.h"
#include "agent/sandbox/env.h"
#include "agent/sandbox/exec_path.h"
#include "agent/sandbox/fs_plan.h"
#include "agent/sandbox/landlock_rights.h"
#include "agent/sandbox/proc_status.h"
#include "agent/sandbox/seccomp_build.h"
#include "agent/sandbox/supervise.h"
#include "lib/cleanup.h"
#include "lib/io.h"

enum {
	/* An image's /etc/passwd; a larger one only costs the workload its HOME. */
	PASSWD_MAX = 1 << 20,
	ROOT_UID = 0,
};

/* Everything the child needs, built before fork. */
struct sandbox {
	struct run_policy policy;
	struct ids ids;
	struct landlock landlock;
	struct seccomp_program seccomp;
	int netns_fd;
	char **env, **candidates;
};

static void sandbox_done(struct sandbox *sandbox)
{
	run_policy_done(&sandbox->policy);
	landlock_done(&sandbox->landlock);
	auto_close(&sandbox->netns_fd);
	env_free(sandbox->env);
	exec_path_free(sandbox->candidates);
}

/* As PID 1 our end is the kernel's signal to end every process of the sandbox. */
static int check_place(struct err *err)
{
	if (getpid() != 1)
		return err_set(
			err, ERR_DENIED,
			"not PID 1 of its container: remove shareProcessNamespace, or run it as "
			"the container's command");
	return ids_check_privilege(err);
}

static int prepare_files(const struct run_options *options, struct sandbox *s, struct err *err)
{
	AUTO(fs_plan_done) struct fs_plan plan = { 0 };
	char workdir[PATH_MAX];

	if (getcwd(workdir, sizeof(workdir)) == NULL)
		return err_sys(err, "working directory");
	if (fs_plan_build(s->policy.policy, workdir, &options->writable, &plan, err) == -1)
		return -1;
	return landlock_prepare(&plan, s->policy.policy->landlock, s->ids.uid, s->ids.gid,
				&s->landlock, err);
}

/* Container runtimes set HOME from the image's passwd for the user they start: that was root. */
static void prepare_env(struct sandbox *s)
{
	AUTO(buf_done) struct buf passwd = buf_init(PASSWD_MAX);
	char root_home[PATH_MAX], home[PATH_MAX];
	struct err ignored;

	if (io_read_file("/etc/passwd", &passwd, &ignored) == -1)
		buf_clear(&passwd);
	env_home(buf_slice(&passwd), ROOT_UID, root_home, sizeof(root_home));
	env_home(buf_slice(&passwd), s->ids.uid, home, sizeof(home));
	s->env = env_build(environ, root_home, home);
}

static int prepare(const struct run_options *options, struct sandbox *s, struct err *err)
{
	if (check_place(err) == -1 || run_state_prepare(err) == -1)
		return -1;
	if (run_policy_load(options->policy_path, options->policy_optional, &s->policy, err) == -1)
		return -1;
	if (run_options_ids(options, &s->policy.policy->process, &s->ids, err) == -1)
		return -1;
	if (prepare_files(options, s, err) == -1)
		return -1;
	const struct seccomp_options seccomp = {
		.refuse_truncate = s->landlock.abi < LANDLOCK_ABI_TRUNCATE,
	};
	if (seccomp_build(&seccomp, &s->seccomp, err) == -1 ||
	    netns_create(&s->netns_fd, err) == -1)
		return -1;
	prepare_env(s);
	s->candidates = exec_path_candidates(options->command[0], env_get(s->env, "PATH"));
	return 0;
}

/* What the kernel says of the confined child must be what was asked for, before it runs anything. */
static int verify(const struct sandbox *s, pid_t pid, struct proc_status *out, struct err *err)
{
	struct proc_status own;
	struct stat want, have;
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	if (proc_status_read(getpid(), &own, err) == -1 || proc_status_read(pid, out, err) == -1 ||
	    proc_status_verify(out, &s->ids, own.seccomp_filters, err) == -1)
		return err_wrap(err, "the confinement does not hold");
	if (fstat(s->netns_fd, &want) == -1 || stat(path, &have) == -1)
		return err_sys(err, "compare network namespaces");
	if (want.st_dev != have.st_dev || want.st_ino != have.st_ino)
		return err_set(err, ERR_DENIED, "the workload is not in its network namespace");
	return 0;
}

/* PID 1 outlives its privilege: from here on it passes signals and waits. */
static int give_up_privilege(struct err *err)
{
	int error = ids_keep_only_kill();

	if (error != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return err_sys(err, "give up own privilege");
	return 0;
}

/* Its copies of the container's input and output would keep the other ends from seeing them closed. */
static int detach_stdio(struct err *err)
{
	AUTO_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (null == -1 || dup2(null, STDIN_FILENO) == -1 || dup2(null, STDOUT_FILENO) == -1)
		return err_sys(err, "detach from standard input and output");
	return 0;
}

static int terminal_fd(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (isatty(fd))
			return fd;
	return -1;
}

static int start(const struct run_options *options, const struct sandbox *s, struct child *out,
		 struct err *err)
{
	sigset_t before;
	int terminal = terminal_fd();

	if (supervise_prepare(terminal, &before, err) == -1)
		return -1;
	const struct child_plan plan = {
		.enter = netns_enter,
		.enter_fd = s->netns_fd,
		.ids = &s->ids,
		.landlock = &s->landlock,
		.seccomp = &s->seccomp,
		.candidates = s->candidates,
		.argv = options->command,
		.env = s->env,
		.mask = &before,
		.terminal_fd = terminal,
	};
	return child_start(&plan, out, err);
}

/* Checks, gives up and tells, in this order, while the child waits. */
static int seal(const struct log *log, const struct sandbox *s, const struct child *child,
		struct err *err)
{
	struct proc_status status;
	const struct run_report report = {
		.run_id = log->run_id,
		.policy = &s->policy,
		.ids = &s->ids,
		.landlock = &s->landlock,
		.status = &status,
		.workload_pid = child->pid,
	};

	if (verify(s, child->pid, &status, err) == -1 || run_report_write(&report, err) == -1 ||
	    give_up_privilege(err) == -1 || detach_stdio(err) == -1)
		return -1;
	run_report_log(log, &report);
	return 0;
}

static int run(const struct log *log, const struct run_options *options)
{
	AUTO(sandbox_done)
	struct sandbox sandbox = {
		.landlock = { .ruleset_fd = -1, .probe_fd = -1 },
		.netns_fd = -1,
	};
	struct err err = { 0 };
	struct child child;
	int status = EXIT_NO_SANDBOX;

	if (prepare(options, &sandbox, &err) == -1 ||
	    start(options, &sandbox, &child, &err) == -1) {
		log_reason(log, LOG_LEVEL_ERROR, "sandbox.refused", err.msg);
		return EXIT_NO_SANDBOX;
	}
	if (seal(log, &sandbox, &child, &err) == -1) {
		child_abandon(&child);
		log_reason(log, LOG_LEVEL_ERROR, "sandbox.refused", err.msg);
		return EXIT_NO_SANDBOX;
	}
	if (child_release(&child, &status, &err) == -1) {
		log_reason(log, LOG_LEVEL_ERROR, "workload.not_started", err.msg);
		child_abandon(&child);
		return status;
	}
	status = supervise(child.pid);
	struct log_line line = log_begin(log, LOG_LEVEL_INFO, "workload.exited");
	log_int(&line, "status", status);
	log_end(&line);
	return status;
}

/* Marks our lines in a stream that we share with the workload: told before it exists, unknown to it
 * before. */
static int make_run_id(char *out, size_t n)
{
	unsigned char raw[8];

	if (getrandom(raw, sizeof(raw), 0) != sizeof(raw))
		return -1;
	for (size_t i = 0; i < sizeof(raw) && i * 2 + 2 < n; i++)
		snprintf(out + i * 2, 3, "%02x", raw[i]);
	return 0;
}

int cmd_run(int argc, char **argv)
{
	char run_id[17] = "";
	struct log log = { .level = LOG_LEVEL_INFO, .run_id = run_id };
	struct run_options options = { 0 };
	struct err err = { 0 };
	bool help = false;

	/* The workload shares our PID namespace: nothing of ours is to be read in /proc. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1 || make_run_id(run_id, sizeof(run_id)) == -1) {
		log_reason(&log, LOG_LEVEL_ERROR, "sandbox.refused",
			   "the kernel gives no random numbers");
		return EXIT_NO_SANDBOX;
	}
	/* A usage error ends the container like every other reason not to run: 125, not 2. */
	if (run_options_parse(argc, argv, &options, &help, &err) == -1) {
		log_reason(&log, LOG_LEVEL_ERROR, "sandbox.refused", err.msg);
		return EXIT_NO_SANDBOX;
	}
	log.level = options.log_level;
	return help ? 0 : run(&log, &options);
}
