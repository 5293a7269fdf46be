/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_status: what is truly enforced. What was asked for stands beside what the kernel says of the workload at this
 * moment; where they differ, `confined` is false and the exit status 1. As root it is beside a workload of `run`, as
 * another user beside one of `launch`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/cmds.h"
#include "agent/run_state.h"
#include "agent/status_launched.h"
#include "agent/status_network.h"
#include "agent/status_workload.h"
#include "lib/cleanup.h"
#include "lib/cmd.h"

enum {
	WAIT_STEP_MS = 50,
	/* Longer than any image takes to start; a probe repeats anyway. */
	WAIT_DEFAULT_S = 60,
	WAIT_MAX_S = 3600,
};

/* What is asked for, and what was found. */
struct question {
	int64_t wait_ms; /* until the workload runs and the proxy serves; 0: not at all */
	json_t *state;
	bool confined; /* the workload is what it should be */
	const char *network_problem;
};

static int read_run(json_t *state, struct question *q, struct err *err)
{
	struct ids ids;
	pid_t pid;

	/* PID 1 carries the runtime's filters only. */
	if (run_state_workload(state, &pid, &ids, err) == -1 ||
	    status_workload_add(state, pid, &ids, 1, &q->confined, err) == -1)
		return -1;
	return status_network_add(state, &q->network_problem, err);
}

static int look(struct question *q, struct err *err)
{
	AUTO(run_state_free) json_t *state = NULL;

	if (geteuid() != 0) {
		if (status_launched_read(&state, &q->confined, &q->network_problem, err) == -1)
			return -1;
	} else if (run_state_read(&state, err) == -1 || read_run(state, q, err) == -1) {
		return -1;
	}
	json_decref(q->state);
	q->state = STEAL(state);
	return 0;
}

/* A sandbox that is there but does not hold is told at once without --wait-ready, and at the end of the
 * time with it. */
static int look_until_ready(struct question *q, struct err *err)
{
	const struct timespec step = { .tv_nsec = WAIT_STEP_MS * 1000000L };

	for (int64_t waited = 0;; waited += WAIT_STEP_MS) {
		int result = look(q, err);
		bool ready = result == 0 && q->confined && q->network_problem[0] == '\0';

		if (ready || waited >= q->wait_ms || (result == -1 && err->code != ERR_TIMEOUT))
			return result;
		nanosleep(&step, NULL);
	}
}

static int parse_timeout(const char *text, bool wait, int64_t *out_ms, struct err *err)
{
	char *end;

	*out_ms = wait ? WAIT_DEFAULT_S * INT64_C(1000) : 0;
	if (text == NULL)
		return 0;
	unsigned long seconds = strtoul(text, &end, 10);
	if (!wait)
		return err_set(err, ERR_INVALID, "--timeout needs --wait-ready");
	if (*text < '0' || *text > '9' || *end != '\0' || seconds > WAIT_MAX_S)
		return err_set(err, ERR_INVALID, "--timeout '%s' is not in 0..%d", text,
			       WAIT_MAX_S);
	*out_ms = (int64_t)seconds * 1000;
	return 0;
}

static int tell(const struct question *q)
{
	AUTO_FREE char *text = json_dumps(q->state, JSON_INDENT(2));

	puts(text != NULL ? text : "{}");
	if (q->network_problem[0] != '\0')
		fprintf(stderr, "openshell-agent status: %s\n", q->network_problem);
	return q->confined && q->network_problem[0] == '\0' ? 0 : 1;
}

int cmd_status(int argc, char **argv)
{
	static const char synopsis[] = "openshell-agent status [--wait-ready [--timeout SECONDS]]";
	bool wait = false;
	const char *timeout = NULL;
	const struct cmd_option options[] = {
		{ "--wait-ready", CMD_FLAG, &wait, NULL,
		  "wait for the workload to start and the proxy to serve" },
		{ "--timeout", CMD_TEXT, &timeout, "SECONDS", "at the longest (default 60)" },
	};
	struct question q = { .network_problem = "" };
	struct err err = { 0 };
	int rest = 0;

	if (cmd_wants_help(synopsis, options, ARRAY_LEN(options), argc, argv))
		return 0;
	if (cmd_parse(options, ARRAY_LEN(options), argc, argv, &rest, &err) == -1 || rest != argc ||
	    parse_timeout(timeout, wait, &q.wait_ms, &err) == -1) {
		cmd_usage(stderr, synopsis, options, ARRAY_LEN(options));
		return CMD_EXIT_USAGE;
	}
	int status = 1;
	if (look_until_ready(&q, &err) == -1)
		fprintf(stderr, "openshell-agent status: %s\n", err.msg);
	else
		status = tell(&q);
	json_decref(q.state);
	return status;
}
