/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_launch: the first process of a workload's container where the proxy is in another one. It has no privilege and
 * gets none: it confines the workload, stays as its parent, looks after the fence and ends as the workload
 * ends. Killing it gains nothing: what confines the workload stays, and the container ends with it. */
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "agent/cmds.h"
#include "agent/launch_fence.h"
#include "agent/launch_options.h"
#include "agent/own_log.h"
#include "agent/own_places.h"
#include "agent/own_stdio.h"
#include "agent/sandbox/child.h"
#include "agent/sandbox/landlock_rights.h"
#include "agent/sandbox/proc_status.h"
#include "agent/sandbox/supervise.h"
#include "lib/cleanup.h"

struct launch {
	struct run_policy policy;
	struct confinement confinement;
	struct launch_fence fence;
	struct buf proxy; /* its URL, as it may be told */
	struct loop *loop;
};

static void launch_done(struct launch *launch)
{
	launch_fence_done(&launch->fence);
	loop_free(launch->loop);
	buf_done(&launch->proxy);
	confinement_done(&launch->confinement);
	run_policy_done(&launch->policy);
}

static int prepare(const struct launch_options *o, struct launch *l, struct err *err)
{
	/* Who it is, before the fence: the proxy's UID would be let through. */
	if (launch_confine(o, o->command[0], false, &l->policy, &l->confinement, err) == -1 ||
	    own_places_check(err) == -1)
		return -1;
	return launch_fence_open(o, &l->fence, &l->proxy, err);
}

static int start(const struct launch_options *o, const struct launch *l, struct child *out,
		 struct err *err)
{
	sigset_t before;
	int terminal = supervise_terminal();

	if (supervise_prepare(terminal, &before, err) == -1)
		return -1;
	const struct child_plan plan = {
		.enter = launch_enter(o),
		.enter_fd = -1,
		.ids = &l->confinement.ids,
		.has_ids = true,
		.landlock = &l->confinement.landlock,
		.seccomp = &l->confinement.seccomp,
		.candidates = l->confinement.candidates,
		.argv = o->command,
		.env = l->confinement.env,
		.mask = &before,
		.terminal_fd = terminal,
	};
	return child_start(&plan, out, err);
}

/* What the kernel says of the confined child must be what was asked for, before it runs anything. */
static int verify(const struct launch *l, pid_t pid, struct err *err)
{
	struct proc_status own, status;

	if (proc_status_read(getpid(), &own, err) == -1 ||
	    proc_status_read(pid, &status, err) == -1 ||
	    proc_status_verify(&status, &l->confinement.ids, own.seccomp_filters, err) == -1)
		return err_wrap(err, "the confinement does not hold (the container must drop all "
				     "capabilities)");
	return 0;
}

static int seal(const struct launch *l, pid_t pid, struct err *err)
{
	int error = verify(l, pid, err) == -1 ? -1 : ids_settle(&l->confinement.ids);

	if (error == -1)
		return -1;
	if (error != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return err_set(err, ERR_DENIED, "give up own capabilities: %s",
			       strerror(error != 0 ? error : errno));
	return own_stdio(err);
}

static void tell_ready(const struct log *log, const struct launch *l)
{
	const struct landlock *landlock = &l->confinement.landlock;
	const char *missing = landlock_rights_missing(landlock->abi);
	struct log_line line = log_begin(log, LOG_LEVEL_INFO, "sandbox.ready");

	log_str(&line, "policy", l->policy.source);
	log_str(&line, "policy_sha256", l->policy.sha256);
	log_int(&line, "uid", l->confinement.ids.uid);
	log_int(&line, "gid", l->confinement.ids.gid);
	log_int(&line, "landlock_abi", landlock->abi);
	log_str(&line, "egress", buf_text(&l->proxy));
	log_end(&line);
	if (missing[0] != '\0')
		log_reason(log, LOG_LEVEL_WARN, "landlock.incomplete", missing);
	if (landlock->skipped.n > 0)
		log_reason(log, LOG_LEVEL_WARN, "landlock.paths_skipped",
			   buf_text(&landlock->skipped));
}

static int watch(struct launch *l, pid_t workload, const struct log *log, int *out_status,
		 struct err *err)
{
	if (loop_new(&l->loop, err) == -1 || launch_fence_watch(&l->fence, l->loop, log, err) == -1)
		return -1;
	const struct supervise_config config = {
		.loop = l->loop,
		.workload = workload,
		.check = launch_fence_check,
		.ctx = &l->fence,
		.check_every_s = launch_fence_check_every_s(&l->fence),
	};

	return supervise(&config, out_status, err);
}

static int refuse(const struct log *log, const struct err *err)
{
	log_reason(log, LOG_LEVEL_ERROR, "sandbox.refused", err->msg);
	return EXIT_NO_SANDBOX;
}

static int run(const struct log *log, const struct launch_options *o)
{
	AUTO(launch_done)
	struct launch launch = { .fence = LAUNCH_FENCE_INIT,
				 .proxy = buf_init(PAST_PROXY_URL_MAX) };
	/* For what may be told once the workload writes to the same stream. */
	struct log beside_workload = *log;
	struct err err = { 0 };
	struct child child;
	int status = EXIT_NO_SANDBOX;

	beside_workload.shared = true;
	if (prepare(o, &launch, &err) == -1 || start(o, &launch, &child, &err) == -1)
		return refuse(log, &err);
	if (seal(&launch, child.pid, &err) == -1) {
		child_abandon(&child);
		return refuse(log, &err);
	}
	tell_ready(log, &launch);
	if (child_release(&child, &status, &err) == -1) {
		err_wrap(&err, "'%s'", o->command[0]);
		log_reason(log, LOG_LEVEL_ERROR, "workload.not_started", err.msg);
		child_abandon(&child);
		return status;
	}
	if (watch(&launch, child.pid, &beside_workload, &status, &err) == -1) {
		log_reason(&beside_workload, LOG_LEVEL_ERROR, "sandbox.failed", err.msg);
		return EXIT_NO_SANDBOX;
	}
	struct log_line line = log_begin(&beside_workload, LOG_LEVEL_INFO, "workload.exited");
	log_int(&line, "status", status);
	log_end(&line);
	return status;
}

int cmd_launch(int argc, char **argv)
{
	char run_id[OWN_LOG_ID_SIZE];
	struct log log;
	struct launch_options options = { 0 };
	struct err err = { 0 };
	bool help = false;

	if (own_log_begin(run_id, &log, &err) == -1 ||
	    launch_options_parse(argc, argv, &options, &help, &err) == -1)
		return refuse(&log, &err);
	log.level = options.log_level;
	log.format = options.log_format;
	return help ? 0 : run(&log, &options);
}
