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
#include <termios.h>
#include <unistd.h>

#include "agent/cmds.h"
#include "agent/confinement.h"
#include "agent/egress.h"
#include "agent/events.h"
#include "agent/net/netns.h"
#include "agent/own_places.h"
#include "agent/own_stdio.h"
#include "agent/reload.h"
#include "agent/run_options.h"
#include "agent/run_policy.h"
#include "agent/run_report.h"
#include "agent/run_state.h"
#include "agent/sandbox/child.h"
#include "agent/sandbox/env.h"
#include "agent/sandbox/proc_status.h"
#include "agent/sandbox/supervise.h"
#include "agent/workload_env.h"
#include "lib/cleanup.h"

/* Everything the child needs, built before fork. */
struct sandbox {
	struct run_policy policy;
	struct confinement confinement;
	char workdir[PATH_MAX];
	struct egress egress;
	struct loop *loop; /* once the workload runs */
	struct reload *reload;
};

static void sandbox_done(struct sandbox *sandbox)
{
	reload_free(sandbox->reload);
	loop_free(sandbox->loop);
	run_policy_done(&sandbox->policy);
	confinement_done(&sandbox->confinement);
	egress_done(&sandbox->egress);
}

/* As PID 1 our end is the kernel's signal to end every process of the sandbox. */
static int check_place(struct err *err)
{
	if (getpid() != 1)
		return err_set(
			err, ERR_DENIED,
			"not PID 1 of its container: remove shareProcessNamespace, or run it as "
			"the container's command");
	return ids_check_privilege(err) == -1 ? -1 : own_places_check(err);
}

static int start_egress(const struct log *log, const struct run_options *options, struct sandbox *s,
			struct err *err)
{
	const struct egress_config config = {
		.log = log,
		.policy = s->policy.policy,
		.policy_may_change = s->policy.text.n > 0,
		.proxy_uid = options->proxy_uid,
		.relaxed_identity = options->relaxed_identity,
		.inbound = options->inbound,
		.n_inbound = options->n_inbound,
		.upstream_ca = &options->upstream_ca,
		.limits = options->limits,
		.upstream_proxy = options->has_upstream_proxy ? &options->upstream_proxy : NULL,
		.upstream_proxy_auth_file = options->upstream_proxy_auth_file,
	};

	return egress_start(&config, &s->egress, err);
}

static int prepare(const struct log *log, const struct run_options *options, struct sandbox *s,
		   struct err *err)
{
	struct ids ids;

	if (check_place(err) == -1 || run_state_prepare(err) == -1)
		return -1;
	if (getcwd(s->workdir, sizeof(s->workdir)) == NULL)
		return err_sys(err, "working directory");
	if (run_policy_load(options->policy_path, options->policy_optional, &s->policy, err) ==
		    -1 ||
	    run_options_ids(options, &s->policy.policy->process, &ids, err) == -1 ||
	    start_egress(log, options, s, err) == -1)
		return -1;
	AUTO(env_slot_free) char **env = workload_env(s->egress.proxy_url);
	const struct confinement_config config = {
		.policy = s->policy.policy,
		.ids = &ids,
		.workdir = s->workdir,
		.writable = &options->writable,
		.env = env,
		.command = options->command[0],
	};
	return confinement_build(&config, &s->confinement, err);
}

/* What the kernel says of the confined child must be what was asked for, before it runs anything. */
static int verify(const struct sandbox *s, pid_t pid, struct proc_status *out, struct err *err)
{
	struct proc_status own;
	struct stat have;
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	if (proc_status_read(getpid(), &own, err) == -1 || proc_status_read(pid, out, err) == -1 ||
	    proc_status_verify(out, &s->confinement.ids, own.seccomp_filters, err) == -1)
		return err_wrap(err, "the confinement does not hold");
	if (stat(path, &have) == -1)
		return err_sys(err, "find the workload's network namespace");
	if (have.st_ino != s->egress.netns_inode)
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

/* The terminal of a container started with one: the runtime makes PID 1 the leader of its session. */
static int terminal_fd(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (tcgetsid(fd) == getpid())
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
		.enter_fd = s->egress.netns_fd,
		.ids = &s->confinement.ids,
		.landlock = &s->confinement.landlock,
		.seccomp = &s->confinement.seccomp,
		.candidates = s->confinement.candidates,
		.argv = options->command,
		.env = s->confinement.env,
		.mask = &before,
		.terminal_fd = terminal,
	};
	return child_start(&plan, out, err);
}

/* Checks, gives up and tells, in this order, while the child waits. */
static int seal(const struct log *log, const struct run_options *options, const struct sandbox *s,
		const struct child *child, struct err *err)
{
	struct proc_status status;
	const struct run_report report = {
		.run_id = log->run_id,
		.policy = &s->policy,
		.confinement = &s->confinement,
		.status = &status,
		.workdir = s->workdir,
		.writable = &options->writable,
		.egress = &s->egress,
		.workload_pid = child->pid,
	};

	if (verify(s, child->pid, &status, err) == -1 || run_report_write(&report, err) == -1 ||
	    give_up_privilege(err) == -1 || own_stdio(err) == -1)
		return -1;
	run_report_log(log, &report);
	return 0;
}

static int check(void *ctx, struct err *err)
{
	return egress_check(ctx, err);
}

static int watch_policy(const struct log *log, const struct run_options *options, struct sandbox *s,
			struct err *err)
{
	const struct reload_config config = {
		.loop = s->loop,
		.log = log,
		.path = options->policy_path,
		.feed = s->egress.worker != 0 ? &s->egress.feed : NULL,
		.start = &s->policy,
		.write = live_policy_write,
	};

	return options->policy_path != NULL ? reload_new(&config, &s->reload, err) : 0;
}

/* Until the workload ends; or the sandbox fails, which ends the workload. */
static int watch(const struct log *log, const struct run_options *options, struct sandbox *s,
		 pid_t workload, int *out_status, struct err *err)
{
	if (loop_new(&s->loop, err) == -1 || watch_policy(log, options, s, err) == -1)
		return -1;
	struct supervise_config config = {
		.loop = s->loop,
		.workload = workload,
		.check = check,
		.ctx = &s->egress,
		.check_every_s = EGRESS_CHECK_EVERY_S,
	};

	if (s->egress.worker != 0)
		config.essential[config.n_essential++] = s->egress.worker;
	if (s->egress.helper != 0)
		config.essential[config.n_essential++] = s->egress.helper;
	return supervise(&config, out_status, err);
}

static void tell_end(const struct log *log, int status)
{
	struct log_line line = log_begin(log, LOG_LEVEL_INFO, "workload.exited");

	log_int(&line, "status", status);
	log_end(&line);
}

static void tell_start(const struct log *log, const char *command, pid_t pid)
{
	struct log_line line = log_begin(log, LOG_LEVEL_INFO, "workload.started");

	log_str(&line, "command", command);
	log_int(&line, "pid", pid);
	log_end(&line);
}

static int run(const struct log *log, const struct run_options *options)
{
	AUTO(sandbox_done) struct sandbox sandbox = { .egress = EGRESS_INIT };
	/* For what may be told once the workload writes to the same stream. */
	struct log beside_workload = *log;
	struct err err = { 0 };
	struct child child;
	int status = EXIT_NO_SANDBOX;

	beside_workload.shared = true;
	if (prepare(&beside_workload, options, &sandbox, &err) == -1 ||
	    start(options, &sandbox, &child, &err) == -1) {
		log_reason(log, LOG_LEVEL_ERROR, "sandbox.refused", err.msg);
		return EXIT_NO_SANDBOX;
	}
	if (seal(log, options, &sandbox, &child, &err) == -1) {
		child_abandon(&child);
		log_reason(log, LOG_LEVEL_ERROR, "sandbox.refused", err.msg);
		return EXIT_NO_SANDBOX;
	}
	if (child_release(&child, &status, &err) == -1) {
		err_wrap(&err, "'%s'", options->command[0]);
		log_reason(log, LOG_LEVEL_ERROR, "workload.not_started", err.msg);
		child_abandon(&child);
		return status;
	}
	tell_start(&beside_workload, options->command[0], child.pid);
	if (watch(&beside_workload, options, &sandbox, child.pid, &status, &err) == -1) {
		log_reason(&beside_workload, LOG_LEVEL_ERROR, "sandbox.failed", err.msg);
		return EXIT_NO_SANDBOX;
	}
	tell_end(&beside_workload, status);
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
	struct log log = {
		.level = LOG_LEVEL_INFO,
		.run_id = run_id,
		.events = agent_events,
		.n_events = agent_events_n,
	};
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
	log.format = options.log_format;
	return help ? 0 : run(&log, &options);
}
