/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/fence_step.h"

#include <string.h>

#include "agent/cmds.h"
#include "agent/events.h"
#include "lib/cleanup.h"

enum { OF_LOG = 2 };

static int parse(int argc, char **argv, const struct fence_step *step, struct log *log,
		 bool *out_help, struct err *err)
{
	const char *level = NULL, *format = NULL;
	const struct cmd_option of_log[OF_LOG] = {
		{ "--log-level", CMD_TEXT, &level, "LEVEL", "error, warn, info (default), debug" },
		{ "--log-format", CMD_TEXT, &format, "FORMAT",
		  "json (default), or shorthand, for people" },
	};
	struct cmd_option options[FENCE_STEP_OPTIONS_MAX + OF_LOG];
	size_t n = step->n_options + OF_LOG;
	int rest = 0;

	memcpy(options, step->options, step->n_options * sizeof(*options));
	memcpy(options + step->n_options, of_log, sizeof(of_log));
	*out_help = cmd_wants_help(step->synopsis, options, n, argc, argv);
	if (*out_help)
		return 0;
	if (cmd_parse(options, n, argc, argv, &rest, err) == -1 ||
	    log_parse_level(level, &log->level, err) == -1 ||
	    log_parse_format(format, &log->format, err) == -1 || step->check(step->ctx, err) == -1)
		return -1;
	return rest == argc ? 0 : err_set(err, ERR_INVALID, "'%s' is too much", argv[rest]);
}

int fence_step_run(int argc, char **argv, const struct fence_step *step)
{
	struct log log = {
		.level = LOG_LEVEL_INFO,
		.events = agent_events,
		.n_events = agent_events_n,
	};
	struct err err = { 0 };
	bool help = false;

	if (parse(argc, argv, step, &log, &help, &err) == -1 ||
	    (!help && step->work(step->ctx, &err) == -1)) {
		log_reason(&log, LOG_LEVEL_ERROR, "sandbox.refused", err.msg);
		return EXIT_NO_SANDBOX;
	}
	if (help)
		return 0;
	struct log_line line = log_begin(&log, LOG_LEVEL_INFO, "fence.ready");
	step->tell(step->ctx, &line);
	log_end(&line);
	return 0;
}
