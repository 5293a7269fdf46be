/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/run_report.h"

#include <stdio.h>
#include <string.h>

#include "agent/live_policy.h"
#include "agent/run_state.h"
#include "agent/sandbox/landlock_rights.h"
#include "lib/cleanup.h"

static const char *const landlock_modes[] = {
	[POLICY_LANDLOCK_REQUIRED] = "required",
	[POLICY_LANDLOCK_HARD_REQUIREMENT] = "hard_requirement",
	[POLICY_LANDLOCK_BEST_EFFORT] = "best_effort",
};

static json_t *groups_json(const struct ids *ids)
{
	json_t *groups = json_array();

	for (size_t i = 0; i < ids->n_groups; i++)
		json_array_append_new(groups, json_integer(ids->groups[i]));
	return groups;
}

static json_t *landlock_json(const struct run_report *r)
{
	return json_pack("{s:b, s:i, s:s, s:s, s:s}", "enforced", r->confinement->landlock.abi > 0,
			 "abi", r->confinement->landlock.abi, "mode",
			 landlock_modes[r->policy->policy->landlock], "missing",
			 landlock_rights_missing(r->confinement->landlock.abi), "skipped_paths",
			 buf_text(&r->confinement->landlock.skipped));
}

static json_t *files_json(const struct run_report *r)
{
	json_t *writable = json_array();

	for (size_t i = 0; i < r->writable->n; i++)
		json_array_append_new(writable, json_string(r->writable->items[i]));
	return json_pack("{s:s, s:o}", "workdir", r->workdir, "writable_mounts", writable);
}

static json_t *workload_json(const struct run_report *r)
{
	const struct ids *ids = &r->confinement->ids;

	return json_pack("{s:i, s:I, s:I, s:o}", "pid", r->workload_pid, "uid",
			 (json_int_t)ids->uid, "gid", (json_int_t)ids->gid, "groups",
			 groups_json(ids));
}

static json_t *network_json(const struct egress *egress)
{
	return json_pack("{s:s, s:s, s:b, s:I}", "egress", egress->is_linked ? "proxy" : "none",
			 "proxy", egress->proxy_url, "binary_identity",
			 egress->processes.helper != 0, "namespace",
			 (json_int_t)egress->netns_inode);
}

static json_t *policy_json(const struct run_report *r)
{
	struct live_policy live;

	live_policy_start(&live, r->policy);
	return live_policy_json(&live);
}

int run_report_write(const struct run_report *r, struct err *err)
{
	AUTO(run_state_free)
	json_t *state =
		json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "version", OPENSHELL_VERSION,
			  "topology", "combined", "run", r->run_id, "policy", policy_json(r),
			  "workload", workload_json(r), "files", files_json(r), "landlock",
			  landlock_json(r), "network", network_json(r->egress));

	if (state == NULL)
		return err_set(err, ERR_INVALID,
			       "the working directory, the policy's path or a mount is not UTF-8");
	return run_state_write(state, buf_slice(&r->policy->text), err);
}

static void log_listening(const struct log *log, const char *url)
{
	struct log_line line = log_begin(log, LOG_LEVEL_INFO, "proxy.listening");

	log_str(&line, "url", url);
	log_end(&line);
}

void run_report_log(const struct log *log, const struct run_report *r)
{
	const char *missing = landlock_rights_missing(r->confinement->landlock.abi);
	struct log_line line = log_begin(log, LOG_LEVEL_INFO, "sandbox.ready");

	log_str(&line, "policy", r->policy->source);
	log_str(&line, "policy_sha256", r->policy->sha256);
	log_int(&line, "uid", r->confinement->ids.uid);
	log_int(&line, "gid", r->confinement->ids.gid);
	log_int(&line, "landlock_abi", r->confinement->landlock.abi);
	log_str(&line, "egress", r->egress->is_linked ? r->egress->proxy_url : "none");
	log_end(&line);
	line = log_begin(log, LOG_LEVEL_INFO, "policy.loaded");
	log_str(&line, "source", r->policy->source);
	log_str(&line, "sha256", r->policy->sha256);
	log_end(&line);
	if (r->egress->is_linked)
		log_listening(log, r->egress->proxy_url);
	if (missing[0] != '\0')
		log_reason(log, LOG_LEVEL_WARN, "landlock.incomplete", missing);
	if (r->confinement->landlock.skipped.n > 0)
		log_reason(log, LOG_LEVEL_WARN, "landlock.paths_skipped",
			   buf_text(&r->confinement->landlock.skipped));
	for (size_t i = 0; i < r->policy->policy->warnings.n; i++)
		log_reason(log, LOG_LEVEL_WARN, "policy.warning",
			   r->policy->policy->warnings.items[i].text);
}
