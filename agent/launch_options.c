/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/launch_options.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "agent/net/probe.h"
#include "agent/sandbox/env.h"
#include "agent/sidecar.h"
#include "agent/words.h"
#include "agent/workload_env.h"
#include "lib/cleanup.h"

static int parse_enforcement(const char *text, bool *out_full, struct err *err)
{
	*out_full = text != NULL && strcmp(text, "full") == 0;
	if (text == NULL || *out_full || strcmp(text, "network-only") == 0)
		return 0;
	return err_set(err, ERR_INVALID, "--process-enforcement '%s' is not full or network-only",
		       text);
}

int launch_options_parse(int argc, char **argv, struct launch_options *out, bool *out_help,
			 struct err *err)
{
	static const char synopsis[] = "openshell-agent launch [OPTIONS] -- COMMAND [ARGUMENTS]";
	struct launch_options o = { .log_level = LOG_LEVEL_INFO, .proxy_url = NULL };
	const char *uid = NULL, *enforcement = NULL, *level = NULL, *format = NULL;
	const struct cmd_option options[] = {
		{ "--policy", CMD_TEXT, &o.policy_path, "FILE",
		  "policy; without it, the built-in one" },
		{ "--policy-optional", CMD_FLAG, &o.policy_optional, NULL,
		  "an absent FILE stands for the built-in policy" },
		{ "--rw", CMD_REPEATED, &o.writable, "PATH",
		  "a volume mount it may write to, where the policy has no filesystem_policy" },
		{ "--proxy", CMD_TEXT, &o.proxy_url, "URL",
		  "where its programs find the proxy (default " SIDECAR_PROXY_URL ")" },
		{ "--past", CMD_TEXT, &o.past, "ADDRESS:PORT,...",
		  "what must not be reached past the proxy, where NetworkPolicies fence the pod" },
		{ "--proxy-uid", CMD_TEXT, &uid, "UID", "whom it must not be (default 1337)" },
		{ "--process-enforcement", CMD_TEXT, &enforcement, "MODE",
		  "network-only (default), or full: the policy's best_effort is not enough" },
		{ "--log-level", CMD_TEXT, &level, "LEVEL", "error, warn, info (default), debug" },
		{ "--log-format", CMD_TEXT, &format, "FORMAT",
		  "json (default), or shorthand, for people" },
	};
	int rest = 0;

	*out_help = cmd_wants_help(synopsis, options, ARRAY_LEN(options), argc, argv);
	if (*out_help)
		return 0;
	if (cmd_parse(options, ARRAY_LEN(options), argc, argv, &rest, err) == -1 ||
	    words_proxy_uid(uid, &o.proxy_uid, err) == -1 ||
	    parse_enforcement(enforcement, &o.full, err) == -1 ||
	    log_parse_level(level, &o.log_level, err) == -1 ||
	    log_parse_format(format, &o.log_format, err) == -1)
		return -1;
	if (rest == argc || argv[rest][0] == '\0')
		return err_set(err, ERR_INVALID,
			       "no command to run: expected -- COMMAND [ARGUMENTS]");
	if (o.policy_optional && o.policy_path == NULL)
		return err_set(err, ERR_INVALID, "--policy-optional needs --policy");
	if (o.past != NULL && o.proxy_url == NULL)
		return err_set(err, ERR_INVALID, "--past needs --proxy");
	if (o.proxy_url == NULL)
		o.proxy_url = SIDECAR_PROXY_URL;
	o.command = argv + rest;
	*out = o;
	return 0;
}

static int own_ids(uint32_t proxy_uid, struct ids *out, struct err *err)
{
	*out = (struct ids){ .uid = geteuid(), .gid = getegid() };
	int n = getgroups(IDS_GROUPS_MAX, out->groups);

	if (n == -1)
		return err_sys(err, "read own groups");
	out->n_groups = (size_t)n;
	if (out->uid == 0)
		return err_set(err, ERR_DENIED,
			       "started as root: the container's runAsUser must be the workload's");
	if (out->uid == proxy_uid)
		return err_set(
			err, ERR_DENIED,
			"started as UID %u, which is the proxy's: choose another runAsUser or "
			"openshell.io/proxy-uid",
			out->uid);
	return 0;
}

int launch_confine(const struct launch_options *o, const char *command, bool beside_workload,
		   struct run_policy *policy, struct confinement *out, struct err *err)
{
	char workdir[PATH_MAX];
	struct ids ids;

	if (own_ids(o->proxy_uid, &ids, err) == -1 ||
	    run_policy_load(o->policy_path, o->policy_optional, policy, err) == -1)
		return -1;
	if (getcwd(workdir, sizeof(workdir)) == NULL)
		return err_sys(err, "working directory");
	if (o->full && policy->policy->landlock == POLICY_LANDLOCK_BEST_EFFORT)
		policy->policy->landlock = POLICY_LANDLOCK_REQUIRED;
	AUTO(env_slot_free) char **env = workload_env(o->proxy_url);
	const struct confinement_config config = {
		.policy = policy->policy,
		.ids = &ids,
		.workdir = workdir,
		.writable = &o->writable,
		.env = env,
		.command = command,
		.is_unprivileged = true,
		.beside_workload = beside_workload,
	};
	return confinement_build(&config, out, err);
}

static int prove(int fd)
{
	(void)fd;
	return probe_now();
}

static int leave_it(int fd)
{
	(void)fd;
	return 0;
}

int (*launch_enter(const struct launch_options *o))(int fd)
{
	return o->past == NULL ? prove : leave_it;
}
