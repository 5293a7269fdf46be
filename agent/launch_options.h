/* SPDX-License-Identifier: Apache-2.0 */
/* launch_options: what `launch` is told, by argv alone; `exec` reads the same of the launcher that runs. */
#ifndef AGENT_LAUNCH_OPTIONS_H
#define AGENT_LAUNCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/confinement.h"
#include "agent/run_policy.h"
#include "lib/cmd.h"
#include "lib/err.h"
#include "lib/log.h"

struct launch_options {
	const char *policy_path;
	bool policy_optional; /* an absent file stands for the built-in policy */
	struct cmd_list writable;
	const char *proxy_url;
	/* Others close the pod's network, and this is not to be reached; NULL: the pod's packet filter does. */
	const char *past;
	uint32_t proxy_uid;
	bool full; /* what the kernel lacks ends it, whatever the policy says */
	enum log_level log_level;
	enum log_format log_format;
	char **command; /* NULL-terminated, at least one word */
};

int launch_options_parse(int argc, char **argv, struct launch_options *out, bool *out_help,
			 struct err *err);

/* What confines the workload, for `command`, in the caller's working directory and with its identity, which must
 * be neither root's nor the proxy's. `policy` is loaded and must outlive `out`. */
int launch_confine(const struct launch_options *o, const char *command, bool beside_workload,
		   struct run_policy *policy, struct confinement *out, struct err *err);

/* As child_plan asks for it: the fence holds, as this process sees it. Where others make it, the launcher alone looks
 * after it. */
int (*launch_enter(const struct launch_options *o))(int fd);

#endif
