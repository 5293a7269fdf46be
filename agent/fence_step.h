/* SPDX-License-Identifier: Apache-2.0 */
/* fence_step: a container that comes before all others of its pod, makes or proves the pod's fence, tells of it in
 * one event, and ends. */
#ifndef AGENT_FENCE_STEP_H
#define AGENT_FENCE_STEP_H

#include <stddef.h>

#include "lib/cmd.h"
#include "lib/err.h"
#include "lib/log.h"

enum { FENCE_STEP_OPTIONS_MAX = 10 };

struct fence_step {
	const char *synopsis;
	const struct cmd_option *options; /* without those of the log */
	size_t n_options; /* at most FENCE_STEP_OPTIONS_MAX */
	int (*check)(void *ctx, struct err *err); /* what was given */
	int (*work)(void *ctx, struct err *err);
	void (*tell)(void *ctx, struct log_line *line); /* of fence.ready */
	void *ctx;
};

/* The exit status: 0, or EXIT_NO_SANDBOX where anything failed, which the event sandbox.refused tells. */
int fence_step_run(int argc, char **argv, const struct fence_step *step);

#endif
