/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_status: what is truly enforced. What PID 1 built stands beside what the kernel says of the
 * workload at this moment; where they differ, `confined` is false and the exit status 1. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/cmds.h"
#include "agent/run_state.h"
#include "agent/sandbox/proc_status.h"
#include "lib/cleanup.h"
#include "lib/cmd.h"

static json_t *hex(uint64_t set)
{
	char text[20];

	snprintf(text, sizeof(text), "%016" PRIx64, set);
	return json_string(text);
}

static json_t *live_json(const struct proc_status *s, const char *problem)
{
	json_t *groups = json_array();

	for (size_t i = 0; i < s->n_groups; i++)
		json_array_append_new(groups, json_integer(s->groups[i]));
	return json_pack("{s:b, s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:b, s:i, s:i}", "confined",
			 problem[0] == '\0', "problem", problem, "uid", (json_int_t)s->uid[1],
			 "gid", (json_int_t)s->gid[1], "groups", groups, "capabilities_effective",
			 hex(s->cap_eff), "capabilities_permitted", hex(s->cap_prm),
			 "capabilities_bounding", hex(s->cap_bnd), "no_new_privs",
			 s->no_new_privs == 1, "seccomp_mode", s->seccomp, "seccomp_filters",
			 s->seccomp_filters);
}

/* Adds "live" to `state`; `out_confined` tells whether the workload is what it should be. */
static int add_live(json_t *state, bool *out_confined, struct err *err)
{
	struct proc_status workload, own;
	struct ids ids;
	pid_t pid;
	struct err problem = { 0 };

	if (run_state_workload(state, &pid, &ids, err) == -1 ||
	    proc_status_read(1, &own, err) == -1 || proc_status_read(pid, &workload, err) == -1)
		return -1;
	/* PID 1 carries the runtime's filters only, so ours must be one more. */
	*out_confined = proc_status_verify(&workload, &ids, own.seccomp_filters, &problem) == 0;
	json_object_set_new(state, "live", live_json(&workload, problem.msg));
	return 0;
}

int cmd_status(int argc, char **argv)
{
	static const char synopsis[] = "openshell-agent status [--wait-ready]";
	bool wait = false, confined = false;
	const struct cmd_option options[] = {
		{ "--wait-ready", CMD_FLAG, &wait, NULL,
		  "wait up to a minute for the workload to start" },
	};
	AUTO(run_state_free) json_t *state = NULL;
	struct err err = { 0 };
	int rest = 0;

	if (cmd_wants_help(synopsis, options, ARRAY_LEN(options), argc, argv))
		return 0;
	if (cmd_parse(options, ARRAY_LEN(options), argc, argv, &rest, &err) == -1 || rest != argc) {
		cmd_usage(stderr, synopsis, options, ARRAY_LEN(options));
		return CMD_EXIT_USAGE;
	}
	if ((wait ? run_state_await : run_state_read)(&state, &err) == -1 ||
	    add_live(state, &confined, &err) == -1) {
		fprintf(stderr, "openshell-agent status: %s\n", err.msg);
		return 1;
	}
	AUTO_FREE char *text = json_dumps(state, JSON_INDENT(2));
	puts(text != NULL ? text : "{}");
	return confined ? 0 : 1;
}
