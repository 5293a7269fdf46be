/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/status_launched.h"

#include <string.h>
#include <sys/prctl.h>

#include "agent/launch_options.h"
#include "agent/launcher.h"
#include "agent/live_page.h"
#include "agent/net/probe.h"
#include "agent/past_proxy.h"
#include "agent/run_state.h"
#include "agent/sandbox/landlock.h"
#include "agent/sandbox/landlock_rights.h"
#include "agent/sandbox/proc_status.h"
#include "agent/status_network.h"
#include "agent/status_workload.h"
#include "agent/workload_env.h"
#include "lib/cleanup.h"

static const char worker_page[] = WORKLOAD_TLS_DIR "/" LIVE_PAGE_SIDECAR;

/* The launcher refuses to be root or the proxy, so who it is is who its workload should be. */
static int ids_of(const struct launcher *launcher, struct ids *out, struct err *err)
{
	struct proc_status status;

	if (proc_status_read(launcher->pid, &status, err) == -1)
		return -1;
	*out = (struct ids){ .uid = status.uid[1],
			     .gid = status.gid[1],
			     .n_groups = status.n_groups };
	memcpy(out->groups, status.groups, status.n_groups * sizeof(status.groups[0]));
	return 0;
}

/* Of the file as it is now: the files that the workload may use follow what it said when the container started. */
static json_t *policy_json(const struct launch_options *o)
{
	AUTO(run_policy_done) struct run_policy policy = { 0 };
	struct err problem = { 0 };

	if (run_policy_load(o->policy_path, o->policy_optional, &policy, &problem) == -1)
		return json_pack("{s:s, s:s}", "source", o->policy_path, "problem", problem.msg);
	return json_pack("{s:s, s:s, s:s}", "source", policy.source, "sha256", policy.sha256,
			 "problem", "");
}

static json_t *landlock_json(void)
{
	struct err none = { 0 };
	int abi = landlock_kernel_abi(&none);

	return abi <= 0 ? json_pack("{s:i}", "abi", 0)
			: json_pack("{s:i, s:s}", "abi", abi, "missing",
				    landlock_rights_missing(abi));
}

static json_t *network_json(const struct launch_options *o, struct err *err)
{
	AUTO(buf_done) struct buf shown = buf_init(PAST_PROXY_URL_MAX);
	struct past_proxy_place place;

	if (past_proxy_url(o->proxy_url, &place, &shown, err) == -1)
		return NULL;
	return json_pack("{s:s, s:s}", "egress", "proxy", "proxy", buf_text(&shown));
}

static bool fence_holds(void)
{
	AUTO(probe_close) struct probe probe = { -1, -1 };

	return probe_open(&probe) == 0 && probe_holds(&probe);
}

static int add_network(const struct launch_options *o, json_t *state, const char **out_problem,
		       struct err *err)
{
	json_t *network = network_json(o, err);

	*out_problem = "";
	if (network == NULL)
		return -1;
	json_object_set_new(state, "network", network);
	/* NetworkPolicies are proved by `fence-check`, and by the launcher as long as it lives. */
	return o->past != NULL ? 0
			       : status_network_add_sidecar(network, worker_page, fence_holds(),
							    out_problem, err);
}

int status_launched_read(json_t **out, bool *out_confined, const char **out_problem,
			 struct err *err)
{
	AUTO(launcher_done) struct launcher launcher = { 0 };
	AUTO(run_state_free) json_t *state = NULL;
	struct launch_options o;
	struct ids ids;
	pid_t workload;
	bool help = false;

	/* The workload is this user too, and this process is not confined. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		return err_sys(err, "keep others from this process");
	if (launcher_find(&launcher, err) == -1 ||
	    launch_options_parse(launcher.argc, launcher.argv, &o, &help, err) == -1 ||
	    launcher_workload(&launcher, &workload, err) == -1 ||
	    ids_of(&launcher, &ids, err) == -1)
		return -1;
	state = json_pack("{s:s, s:s, s:o, s:o, s:s}", "version", OPENSHELL_VERSION, "topology",
			  o.past != NULL ? "proxy-pod" : "sidecar", "policy", policy_json(&o),
			  "landlock", landlock_json(), "process_enforcement",
			  o.full ? "full" : "network-only");
	if (state == NULL)
		return err_set(err, ERR_INVALID, "what it was told is not UTF-8");
	if (status_workload_add(state, workload, &ids, launcher.pid, out_confined, err) == -1 ||
	    add_network(&o, state, out_problem, err) == -1)
		return -1;
	*out = STEAL(state);
	return 0;
}
