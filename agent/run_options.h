/* SPDX-License-Identifier: Apache-2.0 */
/* run_options: what `run` is told, by argv alone: the environment is the image's to forge. */
#ifndef AGENT_RUN_OPTIONS_H
#define AGENT_RUN_OPTIONS_H

#include <stdbool.h>

#include "agent/net/nft_rules.h"
#include "agent/proxy_options.h"
#include "agent/sandbox/ids.h"
#include "lib/cmd.h"
#include "lib/err.h"
#include "lib/log.h"
#include "policy/policy.h"

enum {
	/* As many ports as a pod declares at most in earnest; each is a rule of the fence. */
	RUN_OPTIONS_INBOUND_MAX = NFT_RULES_PORTS_MAX,
};

struct run_options {
	struct proxy_options proxy;
	const char *user, *default_user, *groups;
	struct cmd_list writable;
	struct fence_port inbound[RUN_OPTIONS_INBOUND_MAX];
	size_t n_inbound;
	char **command; /* NULL-terminated, at least one word */
};

/* 0 with `out` filled, or -1 and what is wrong. `*out_help` is set, and usage printed, for --help. */
int run_options_parse(int argc, char **argv, struct run_options *out, bool *out_help,
		      struct err *err);

/* The workload's identity: --user, else the policy's run_as_*, else --default-user, else 1000:1000;
 * and --groups. */
int run_options_ids(const struct run_options *options, const struct policy_process *process,
		    struct ids *out, struct err *err);

#endif
