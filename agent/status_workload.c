/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/status_workload.h"

#include <inttypes.h>
#include <stdio.h>

#include "agent/sandbox/proc_status.h"

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

int status_workload_add(json_t *state, pid_t pid, const struct ids *want, pid_t above,
			bool *out_confined, struct err *err)
{
	struct proc_status workload, unconfined;
	struct err problem = { 0 };

	if (proc_status_read(above, &unconfined, err) == -1 ||
	    proc_status_read(pid, &workload, err) == -1)
		return -1;
	*out_confined =
		proc_status_verify(&workload, want, unconfined.seccomp_filters, &problem) == 0;
	json_object_set_new(state, "live", live_json(&workload, problem.msg));
	return 0;
}
