/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_run: PID 1 of a combined container. Builds the sandbox, checks with the kernel that it holds,
 * lets the workload run in it and ends as the workload ends. Whatever fails before that ends the
 * container with one line and EXIT_NO_SANDBOX; there is no way to go on with less. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/cmds.h"
#include "agent/confinement.h"
#include "agent/egress.h"
#include "agent/net/netns.h"
#include "agent/own_log.h"
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

/* Installed beside the agent by `install`, from our own image: the workload's image decides nothing
 * about whom the proxy trusts. */
static const char own_roots[] = "/opt/openshell/ca-bundle.pem";

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
	struct egress_config config = {
		.proxy = proxy_options_config(&options->proxy, log, s->policy.policy),
		.policy_may_change = s->policy.text.n > 0,
		.inbound = options->inbound,
		.n_inbound = options->n_inbound,
	};

	config.proxy.is_beside_workload = true;
	config.proxy.roots = own_roots;

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
	if (run_policy_load(options->proxy.policy_path, options->proxy.policy_optional, &s->policy,
			    err) == -1 ||
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

static int start(const struct run_options *options, const struct sandbox *s, struct child *out,
		 struct err *err)
{
	sigset_t before;
	int terminal = supervise_terminal();

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
		.path = options->proxy.policy_path,
		.feed = s->egress.processes.worker != 0 ? &s->egress.processes.feed : NULL,
		.start = &s->policy,
		.write = live_policy_write,
	};

	return options->proxy.policy_path != NULL ? reload_new(&config, &s->reload, err) : 0;
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
		.check_every_s = PROXY_CHECK_EVERY_S,
	};

	if (s->egress.processes.worker != 0)
		config.essential[config.n_essential++] = s->egress.processes.worker;
	if (s->egress.processes.helper != 0)
		config.essential[config.n_essential++] = s->egress.processes.helper;
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

int cmd_run(int argc, char **argv)
{
	char run_id[OWN_LOG_ID_SIZE];
	struct log log;
	struct run_options options = { 0 };
	struct err err = { 0 };
	bool help = false;

	if (own_log_begin(run_id, &log, &err) == -1) {
		log_reason(&log, LOG_LEVEL_ERROR, "sandbox.refused", err.msg);
		return EXIT_NO_SANDBOX;
	}
	/* A usage error ends the container like every other reason not to run: 125, not 2. */
	if (run_options_parse(argc, argv, &options, &help, &err) == -1) {
		log_reason(&log, LOG_LEVEL_ERROR, "sandbox.refused", err.msg);
		return EXIT_NO_SANDBOX;
	}
	log.level = options.proxy.log_level;
	log.format = options.proxy.log_format;
	return help ? 0 : run(&log, &options);
}
