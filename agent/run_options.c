/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/run_options.h"

#include <string.h>

#include "lib/cleanup.h"

enum { DEFAULT_ID = 1000 };

static const char synopsis[] = "openshell-agent run [OPTIONS] -- COMMAND [ARGUMENTS]";

static int parse_level(const char *name, enum log_level *out, struct err *err)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(name, names[i]) != 0)
			continue;
		*out = (enum log_level)i;
		return 0;
	}
	return err_set(err, ERR_INVALID, "--log-level '%s' is not error, warn, info or debug",
		       name);
}

int run_options_parse(int argc, char **argv, struct run_options *out, bool *out_help,
		      struct err *err)
{
	struct run_options o = { .log_level = LOG_LEVEL_INFO };
	const struct cmd_option options[] = {
		{ "--policy", CMD_TEXT, &o.policy_path, "FILE",
		  "policy; without it, the built-in one: no egress" },
		{ "--policy-optional", CMD_FLAG, &o.policy_optional, NULL,
		  "an absent FILE stands for the built-in policy" },
		{ "--user", CMD_TEXT, &o.user, "UID:GID",
		  "the workload's identity; else the policy's run_as_user" },
		{ "--default-user", CMD_TEXT, &o.default_user, "UID:GID",
		  "its identity where the policy names none either (default 1000:1000)" },
		{ "--groups", CMD_TEXT, &o.groups, "GID,GID", "its supplementary groups" },
		{ "--rw", CMD_REPEATED, &o.writable, "PATH",
		  "a volume mount it may write to, where the policy has no filesystem_policy" },
		{ "--log-level", CMD_TEXT, &o.log_level_name, "LEVEL",
		  "error, warn, info (default), debug" },
	};
	int rest = 0;

	*out_help = cmd_wants_help(synopsis, options, ARRAY_LEN(options), argc, argv);
	if (*out_help)
		return 0;
	if (cmd_parse(options, ARRAY_LEN(options), argc, argv, &rest, err) == -1)
		return -1;
	if (o.log_level_name != NULL && parse_level(o.log_level_name, &o.log_level, err) == -1)
		return -1;
	if (rest == argc)
		return err_set(err, ERR_INVALID,
			       "no command to run: expected -- COMMAND [ARGUMENTS]");
	if (argv[rest][0] == '\0')
		return err_set(err, ERR_INVALID, "the command to run is empty");
	if (o.policy_optional && o.policy_path == NULL)
		return err_set(err, ERR_INVALID, "--policy-optional needs --policy");
	o.command = argv + rest;
	*out = o;
	return 0;
}

int run_options_ids(const struct run_options *options, const struct policy_process *process,
		    struct ids *out, struct err *err)
{
	struct ids ids = { .uid = DEFAULT_ID, .gid = DEFAULT_ID };

	if (options->default_user != NULL && ids_parse_user(options->default_user, &ids, err) == -1)
		return err_wrap(err, "--default-user");
	if (process->run_as_user != 0)
		ids.uid = ids.gid = process->run_as_user;
	if (process->run_as_group != 0)
		ids.gid = process->run_as_group;
	if (options->user != NULL && ids_parse_user(options->user, &ids, err) == -1)
		return err_wrap(err, "--user");
	if (options->groups != NULL && ids_parse_groups(options->groups, &ids, err) == -1)
		return err_wrap(err, "--groups");
	*out = ids;
	return 0;
}
