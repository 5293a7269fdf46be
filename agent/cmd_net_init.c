/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_net_init: the first container of a pod whose proxy is a sidecar: installs the agent, gives the proxy
 * its directories and fences the pod's network, before anything else of the pod runs. It runs again
 * whenever the pod's sandbox is made anew, and finds what it left or nothing. */
#include <stdio.h>
#include <unistd.h>

#include "agent/cmds.h"
#include "agent/fence_step.h"
#include "agent/install.h"
#include "agent/net/pod_fence.h"
#include "agent/proxy/inside.h"
#include "agent/proxy_parts.h"
#include "agent/words.h"
#include "lib/cleanup.h"
#include "lib/io.h"

enum { FOR_THE_PROXY = 0700, FOR_ALL_TO_READ = 0755 };

struct net_init {
	const char *install, *state_dir, *tls_dir, *uid;
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

static int prepare(void *ctx, struct err *err)
{
	const struct net_init *o = ctx;

	if (geteuid() != 0)
		return err_set(err, ERR_DENIED,
			       "started as UID %u: the container's runAsUser must be 0", geteuid());
	/* First what must be closed, should anything after it fail. */
	if (fence(o, err) == -1 || give_directories(o, err) == -1)
		return -1;
	return o->install != NULL ? install_agent(o->install, err) : 0;
}

static int check(void *ctx, struct err *err)
{
	struct net_init *o = ctx;

	return words_proxy_uid(o->uid, &o->proxy_uid, err);
}

static void tell(void *ctx, struct log_line *line)
{
	const struct net_init *o = ctx;

	log_int(line, "uid", o->proxy_uid);
}

int cmd_net_init(int argc, char **argv)
{
	struct net_init o = { 0 };
	const struct cmd_option options[] = {
		{ "--install", CMD_TEXT, &o.install, "DIRECTORY",
		  "where to copy the agent to, for the workloads" },
		{ "--proxy-uid", CMD_TEXT, &o.uid, "UID",
		  "the one identity that may send (default 1337)" },
		{ "--proxy-dir", CMD_TEXT, &o.state_dir, "DIRECTORY", "made the proxy's alone" },
		{ "--tls-dir", CMD_TEXT, &o.tls_dir, "DIRECTORY",
		  "made the proxy's, for all to read" },
	};
	const struct fence_step step = {
		.synopsis = "openshell-agent net-init [OPTIONS]",
		.options = options,
		.n_options = ARRAY_LEN(options),
		.check = check,
		.work = prepare,
		.tell = tell,
		.ctx = &o,
	};

	return fence_step_run(argc, argv, &step);
}
