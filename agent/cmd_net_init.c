/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_net_init: the first container of a pod whose proxy is a sidecar: installs the agent, gives the proxy
 * its directories and fences the pod's network, before anything else of the pod runs. It runs again
 * whenever the pod's sandbox is made anew, and finds what it left or nothing. */
#include <stdio.h>
#include <unistd.h>

#include "agent/cmds.h"
#include "agent/events.h"
#include "agent/install.h"
#include "agent/net/pod_fence.h"
#include "agent/proxy/inside.h"
#include "agent/proxy_parts.h"
#include "agent/words.h"
#include "lib/cleanup.h"
#include "lib/cmd.h"
#include "lib/io.h"
#include "lib/log.h"

enum { FOR_THE_PROXY = 0700, FOR_ALL_TO_READ = 0755 };

struct net_init {
	const char *install, *state_dir, *tls_dir;
	uint32_t proxy_uid;
};

static int give_directories(const struct net_init *o, struct err *err)
{
	if (o->state_dir != NULL &&
	    io_give_directory(o->state_dir, FOR_THE_PROXY, o->proxy_uid, err) == -1)
		return -1;
	return o->tls_dir != NULL
		       ? io_give_directory(o->tls_dir, FOR_ALL_TO_READ, o->proxy_uid, err)
		       : 0;
}

static int fence(const struct net_init *o, struct err *err)
{
	static const uint16_t own[] = { PROXY_HTTP_PORT };
	const struct nft_fence rules = {
		.proxy_uid = o->proxy_uid,
		.proxy_port = PROXY_PORT,
		.own = own,
		.n_own = ARRAY_LEN(own),
		.transparent_port = INSIDE_TCP_PORT,
		.transparent_ports = INSIDE_TCP_PORTS,
		.dns_port = INSIDE_DNS_PORT,
	};

	return pod_fence_build(&rules, err);
}

static int prepare(const struct net_init *o, struct err *err)
{
	if (geteuid() != 0)
		return err_set(err, ERR_DENIED,
			       "started as UID %u: the container's runAsUser must be 0", geteuid());
	/* First what must be closed, should anything after it fail. */
	if (fence(o, err) == -1 || give_directories(o, err) == -1)
		return -1;
	return o->install != NULL ? install_agent(o->install, err) : 0;
}

static int parse(int argc, char **argv, struct net_init *o, struct log *log, bool *out_help,
		 struct err *err)
{
	static const char synopsis[] = "openshell-agent net-init [OPTIONS]";
	const char *uid = NULL, *level = NULL, *format = NULL;
	const struct cmd_option options[] = {
		{ "--install", CMD_TEXT, &o->install, "DIRECTORY",
		  "where to copy the agent to, for the workloads" },
		{ "--proxy-uid", CMD_TEXT, &uid, "UID",
		  "the one identity that may send (default 1337)" },
		{ "--proxy-dir", CMD_TEXT, &o->state_dir, "DIRECTORY", "made the proxy's alone" },
		{ "--tls-dir", CMD_TEXT, &o->tls_dir, "DIRECTORY",
		  "made the proxy's, for all to read" },
		{ "--log-level", CMD_TEXT, &level, "LEVEL", "error, warn, info (default), debug" },
		{ "--log-format", CMD_TEXT, &format, "FORMAT",
		  "json (default), or shorthand, for people" },
	};
	int rest = 0;

	*out_help = cmd_wants_help(synopsis, options, ARRAY_LEN(options), argc, argv);
	if (*out_help)
		return 0;
	if (cmd_parse(options, ARRAY_LEN(options), argc, argv, &rest, err) == -1 ||
	    words_proxy_uid(uid, &o->proxy_uid, err) == -1 ||
	    log_parse_level(level, &log->level, err) == -1 ||
	    log_parse_format(format, &log->format, err) == -1)
		return -1;
	return rest == argc ? 0 : err_set(err, ERR_INVALID, "'%s' is too much", argv[rest]);
}

int cmd_net_init(int argc, char **argv)
{
	struct log log = {
		.level = LOG_LEVEL_INFO,
		.events = agent_events,
		.n_events = agent_events_n,
	};
	struct net_init options = { 0 };
	struct err err = { 0 };
	bool help = false;

	if (parse(argc, argv, &options, &log, &help, &err) == -1 ||
	    (!help && prepare(&options, &err) == -1)) {
		log_reason(&log, LOG_LEVEL_ERROR, "sandbox.refused", err.msg);
		return EXIT_NO_SANDBOX;
	}
	if (help)
		return 0;
	struct log_line line = log_begin(&log, LOG_LEVEL_INFO, "fence.ready");
	log_int(&line, "uid", options.proxy_uid);
	log_end(&line);
	return 0;
}
