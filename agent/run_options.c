/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/run_options.h"

#include <netinet/in.h>
#include <string.h>

#include "agent/words.h"
#include "lib/cleanup.h"

enum { DEFAULT_ID = 1000 };

static const char synopsis[] = "openshell-agent run [OPTIONS] -- COMMAND [ARGUMENTS]";

/* "8080" or "5353/udp" */
static int parse_port(const char *text, size_t n, struct fence_port *out, struct err *err)
{
	char word[16];
	unsigned long port;
	uint8_t protocol = IPPROTO_TCP;

	if (n >= sizeof(word))
		return err_set(err, ERR_INVALID, "'%.*s' is not a port", (int)n, text);
	memcpy(word, text, n);
	word[n] = '\0';
	char *slash = strchr(word, '/');
	if (slash != NULL && strcmp(slash, "/udp") == 0)
		protocol = IPPROTO_UDP;
	else if (slash != NULL && strcmp(slash, "/tcp") != 0)
		return err_set(err, ERR_INVALID, "'%s': a protocol is tcp or udp", word);
	if (slash != NULL)
		*slash = '\0';
	if (words_number(word, 1, UINT16_MAX, &port, err) == -1)
		return -1;
	*out = (struct fence_port){ (uint16_t)port, protocol };
	return 0;
}

/* "8080,9090,5353/udp" */
static int parse_inbound(const char *text, struct run_options *o, struct err *err)
{
	for (const char *at = text;; at++) {
		size_t n = strcspn(at, ",");

		if (o->n_inbound == RUN_OPTIONS_INBOUND_MAX)
			return err_set(err, ERR_LIMIT, "more than %d ports",
				       RUN_OPTIONS_INBOUND_MAX);
		if (parse_port(at, n, &o->inbound[o->n_inbound++], err) == -1)
			return -1;
		at += n;
		if (*at == '\0')
			return 0;
	}
}

int run_options_parse(int argc, char **argv, struct run_options *out, bool *out_help,
		      struct err *err)
{
	struct run_options o = { 0 };
	struct proxy_words words = { 0 };
	const char *inbound = NULL;
	const struct cmd_option own[] = {
		{ "--user", CMD_TEXT, &o.user, "UID:GID",
		  "the workload's identity; else the policy's run_as_user" },
		{ "--default-user", CMD_TEXT, &o.default_user, "UID:GID",
		  "its identity where the policy names none either (default 1000:1000)" },
		{ "--groups", CMD_TEXT, &o.groups, "GID,GID", "its supplementary groups" },
		{ "--rw", CMD_REPEATED, &o.writable, "PATH",
		  "a volume mount it may write to, where the policy has no filesystem_policy" },
		{ "--inbound", CMD_TEXT, &inbound, "PORT,PORT/udp",
		  "ports of the workload that others may reach" },
	};
	struct cmd_option options[PROXY_OPTIONS_ROWS + ARRAY_LEN(own)];
	int rest = 0;

	proxy_options_rows(&o.proxy, &words, options);
	memcpy(options + PROXY_OPTIONS_ROWS, own, sizeof(own));
	*out_help = cmd_wants_help(synopsis, options, ARRAY_LEN(options), argc, argv);
	if (*out_help)
		return 0;
	if (cmd_parse(options, ARRAY_LEN(options), argc, argv, &rest, err) == -1 ||
	    proxy_options_read(&words, &o.proxy, err) == -1)
		return -1;
	if (inbound != NULL && parse_inbound(inbound, &o, err) == -1)
		return err_wrap(err, "--inbound");
	if (rest == argc)
		return err_set(err, ERR_INVALID,
			       "no command to run: expected -- COMMAND [ARGUMENTS]");
	if (argv[rest][0] == '\0')
		return err_set(err, ERR_INVALID, "the command to run is empty");
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
	if (ids.uid == options->proxy.proxy_uid)
		return err_set(
			err, ERR_INVALID,
			"the workload and the proxy have the same UID %u: choose another with "
			"--user or --proxy-uid",
			ids.uid);
	*out = ids;
	return 0;
}
