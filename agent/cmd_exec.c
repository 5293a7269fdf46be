/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_exec: `exec` and `shell`: what `kubectl exec` starts lands inside the sandbox. The process that the
 * runtime put beside the workload becomes one with the same identity, namespace, file rules and system call
 * filter, and then the command. Nothing of ours stays behind. As root it is beside a workload of `run`, whose state
 * says what that takes; as another user beside one of `launch`, whose arguments do. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/cmds.h"
#include "agent/confinement.h"
#include "agent/launch_options.h"
#include "agent/launcher.h"
#include "agent/net/netns.h"
#include "agent/run_policy.h"
#include "agent/run_state.h"
#include "agent/sandbox/child.h"
#include "agent/sandbox/env.h"
#include "agent/workload_env.h"
#include "lib/cleanup.h"
#include "lib/cmd.h"

/* What the run recorded, as far as it matters here. Texts borrow from `state`. */
struct sandbox_ref {
	json_t *state;
	pid_t workload;
	struct ids ids;
	const char *workdir, *proxy_url;
	struct cmd_list writable;
	int netns_fd;
};

static void sandbox_ref_done(struct sandbox_ref *ref)
{
	json_decref(ref->state);
	auto_close(&ref->netns_fd);
}

/* Opens the workload's namespace and makes sure that it is still the one that was recorded. */
static int open_netns(struct sandbox_ref *ref, json_int_t inode, struct err *err)
{
	char path[40];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", ref->workload);
	ref->netns_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (ref->netns_fd == -1 || fstat(ref->netns_fd, &st) == -1)
		return err_sys(err, "open the sandbox's network namespace");
	if ((json_int_t)st.st_ino != inode)
		return err_set(err, ERR_DENIED,
			       "the workload has left the sandbox that was recorded");
	return 0;
}

static int find_sandbox(bool wait, struct sandbox_ref *ref, struct err *err)
{
	json_t *writable = NULL;
	json_int_t inode;

	if (ids_check_privilege(err) == -1 ||
	    (wait ? run_state_await : run_state_read)(&ref->state, err) == -1 ||
	    run_state_workload(ref->state, &ref->workload, &ref->ids, err) == -1)
		return -1;
	if (json_unpack(ref->state, "{s:{s:s, s:o}, s:{s:s, s:I}}", "files", "workdir",
			&ref->workdir, "writable_mounts", &writable, "network", "proxy",
			&ref->proxy_url, "namespace", &inode) == -1 ||
	    json_array_size(writable) > CMD_LIST_MAX)
		return err_set(err, ERR_INVALID, "the state of the run is incomplete");
	for (size_t i = 0; i < json_array_size(writable); i++)
		ref->writable.items[ref->writable.n++] =
			json_string_value(json_array_get(writable, i));
	return open_netns(ref, inode, err);
}

static int become(const struct confinement *confinement, char **command, struct child_plan plan,
		  struct err *err)
{
	sigset_t mask;
	int status = EXIT_NO_SANDBOX;

	sigprocmask(SIG_SETMASK, NULL, &mask);
	plan.ids = &confinement->ids;
	plan.landlock = &confinement->landlock;
	plan.seccomp = &confinement->seccomp;
	plan.candidates = confinement->candidates;
	plan.argv = command;
	plan.env = confinement->env;
	plan.mask = &mask;
	plan.terminal_fd = CHILD_KEEP_SESSION;
	child_become(&plan, &status, err);
	return status;
}

/* Comes back only on failure, with the exit status. */
static int enter_launched(char **command, struct err *err)
{
	AUTO(launcher_done) struct launcher launcher = { 0 };
	AUTO(run_policy_done) struct run_policy policy = { 0 };
	AUTO(confinement_done) struct confinement confinement = { 0 };
	struct launch_options options;
	bool help = false;

	/* The workload is this user too. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1 || launcher_find(&launcher, err) == -1 ||
	    launch_options_parse(launcher.argc, launcher.argv, &options, &help, err) == -1 ||
	    launch_confine(&options, command[0], true, &policy, &confinement, err) == -1)
		return EXIT_NO_SANDBOX;
	return become(&confinement, command,
		      (struct child_plan){ .enter = launch_enter(&options), .has_ids = true }, err);
}

/* The same beside a workload of `run`. */
static int enter(bool wait, struct sandbox_ref *ref, char **command, struct err *err)
{
	AUTO(run_policy_done) struct run_policy policy = { 0 };
	AUTO(confinement_done) struct confinement confinement = { 0 };

	if (find_sandbox(wait, ref, err) == -1 ||
	    run_policy_load(RUN_STATE_POLICY, true, &policy, err) == -1)
		return EXIT_NO_SANDBOX;
	AUTO(env_slot_free) char **env = workload_env(ref->proxy_url);
	const struct confinement_config config = {
		.policy = policy.policy,
		.ids = &ref->ids,
		.workdir = ref->workdir,
		.writable = &ref->writable,
		.env = env,
		.command = command[0],
		.beside_workload = true,
	};
	if (confinement_build(&config, &confinement, err) == -1)
		return EXIT_NO_SANDBOX;
	return become(&confinement, command,
		      (struct child_plan){ .enter = netns_enter, .enter_fd = ref->netns_fd }, err);
}

static int run_command(const char *name, bool wait, char **command)
{
	AUTO(sandbox_ref_done) struct sandbox_ref ref = { .netns_fd = -1 };
	struct err err = { 0 };
	int status =
		geteuid() == 0 ? enter(wait, &ref, command, &err) : enter_launched(command, &err);

	fprintf(stderr, "openshell-agent %s: '%s': %s\n", name, command[0], err.msg);
	return status;
}

int cmd_exec(int argc, char **argv)
{
	static const char synopsis[] = "openshell-agent exec [--wait-ready] -- COMMAND [ARGUMENTS]";
	bool wait = false;
	const struct cmd_option options[] = {
		{ "--wait-ready", CMD_FLAG, &wait, NULL,
		  "wait up to a minute for the sandbox; else it fails where there is none yet" },
	};
	struct err err = { 0 };
	int rest = 0;

	if (cmd_wants_help(synopsis, options, ARRAY_LEN(options), argc, argv))
		return 0;
	if (cmd_parse(options, ARRAY_LEN(options), argc, argv, &rest, &err) == -1 || rest == argc ||
	    argv[rest][0] == '\0') {
		cmd_usage(stderr, synopsis, options, ARRAY_LEN(options));
		return CMD_EXIT_USAGE;
	}
	return run_command("exec", wait, argv + rest);
}

int cmd_shell(int argc, char **argv)
{
	static const char synopsis[] = "openshell-agent shell";
	static char bash[] = "/bin/bash", sh[] = "/bin/sh", login[] = "-l";
	char *command[] = { access(bash, X_OK) == 0 ? bash : sh, login, NULL };

	if (cmd_wants_help(synopsis, NULL, 0, argc, argv))
		return 0;
	if (argc > 1) {
		cmd_usage(stderr, synopsis, NULL, 0);
		return CMD_EXIT_USAGE;
	}
	return run_command("shell", false, command);
}
