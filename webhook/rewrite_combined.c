/* SPDX-License-Identifier: Apache-2.0 */
/* Topology combined: the agent, installed by our init container, starts in the place of each container's
 * command: of the init containers, one after the other, and of the one workload. */
#include <string.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "webhook/confine.h"
#include "webhook/entrypoint.h"
#include "webhook/keys.h"
#include "webhook/names.h"
#include "webhook/ours.h"
#include "webhook/pod.h"
#include "webhook/refusals.h"
#include "webhook/rewrite.h"
#include "webhook/token.h"

enum { GROUPS_TEXT_MAX = 1024, STATUS_TEXT_MAX = 1024 };

struct combined {
	struct pieces pieces;
	json_t *tokens, *fixed;
	struct buf groups, status;
	struct confine_pod pod;
	struct confine *init; /* one for each of the user's init containers */
	size_t n_init;
	struct confine workload;
};

static void combined_done(struct combined *plan)
{
	for (size_t i = 0; i < plan->n_init; i++)
		confine_done(&plan->init[i]);
	free(plan->init);
	confine_done(&plan->workload);
	pieces_done(&plan->pieces);
	json_decref(plan->tokens);
	json_decref(plan->fixed);
	buf_done(&plan->groups);
	buf_done(&plan->status);
}

static void put_status(const char *policy, struct buf *out)
{
	buf_puts(out,
		 "{\"version\":\"" OPENSHELL_VERSION "\",\"topology\":\"combined\",\"policy\":");
	buf_put_json(out, slice_text(policy));
	buf_puts(out, "}");
}

/* The API server would refuse each pod on its own, and tell only whoever looks at the ReplicaSet. */
static void check_pod_security(const struct namespace_facts *ns, struct findings *findings)
{
	const char *level = json_member_text(ns->labels, KEY_POD_SECURITY);

	if (level != NULL && (strcmp(level, "baseline") == 0 || strcmp(level, "restricted") == 0))
		findings_deny(findings, DENIAL_POD_SECURITY,
			      "namespace '%.63s' has " KEY_POD_SECURITY " %s", ns->name, level);
}

/* By the names that they go by: what a RuntimeClass stands for is not seen here. */
static void check_runtime_class(const char *name, struct findings *findings)
{
	static const char *const parts[] = { "gvisor", "runsc", "kata" };

	for (size_t i = 0; name != NULL && i < ARRAY_LEN(parts); i++)
		if (strstr(name, parts[i]) != NULL)
			findings_deny(findings, DENIAL_RUNTIME_CLASS, "the RuntimeClass is '%.63s'",
				      name);
}

/* What a pod says that this version does not do. */
static void check_choices(const struct rewrite *in, const json_t *spec, struct findings *findings)
{
	const struct choices *choices = in->choices;
	const char *runtime_class = json_member_text(spec, "runtimeClassName");

	check_pod_security(in->ns, findings);
	check_runtime_class(runtime_class != NULL ? runtime_class : choices->runtime_class,
			    findings);
	if (choices->network_only)
		findings_deny(findings, DENIAL_KEY_UNSUPPORTED,
			      KEY_PROCESS_ENFORCEMENT
			      " network-only would leave the workload root in "
			      "topology combined");
	if (choices->wants_affinity)
		findings_warn(findings, "proxy-affinity has no effect in topology combined");
	if (choices->runtime_class != NULL && runtime_class != NULL &&
	    strcmp(choices->runtime_class, runtime_class) != 0)
		findings_warn(findings,
			      "runtime-class has no effect: the pod has runtimeClassName "
			      "'%.40s'",
			      runtime_class);
}

/* Such a one runs on beside the workload, and two agents cannot share the pod's network. */
static void refuse_native_sidecar(const json_t *container, struct findings *findings)
{
	const char *restart = json_member_text(container, "restartPolicy");

	if (restart != NULL && strcmp(restart, "Always") == 0)
		findings_deny(findings, DENIAL_NATIVE_SIDECAR,
			      "init container '%.63s' has restartPolicy Always",
			      pod_name_of(container));
}

static void plan_containers(const json_t *spec, struct combined *plan, struct findings *findings)
{
	const json_t *init = json_member(spec, "initContainers");
	size_t n = json_array_size(json_member(spec, "containers"));

	plan->init = mem_calloc(json_array_size(init), sizeof(*plan->init));
	for (size_t i = plan->pod.installed ? 1 : 0; i < json_array_size(init); i++) {
		refuse_native_sidecar(json_array_get(init, i), findings);
		confine_plan(&plan->pod, "initContainers", i, &plan->init[plan->n_init++],
			     findings);
	}
	if (n == 1) {
		confine_plan(&plan->pod, "containers", 0, &plan->workload, findings);
		return;
	}
	findings_deny(findings, DENIAL_MANY_CONTAINERS, "pod has %zu containers", n);
	for (size_t i = 0; i < n; i++)
		refuse_container(json_array_get(json_member(spec, "containers"), i), findings);
}

static void plan_pod(const struct rewrite *in, struct combined *plan, struct findings *findings)
{
	const json_t *spec = json_member(in->pod, "spec");
	const char *policy =
		in->choices->policy != NULL ? in->choices->policy : NAME_DEFAULT_POLICY;

	plan->tokens = token_volumes(spec);
	plan->fixed = refuse_fixed_volumes(spec);
	plan->groups = buf_init(GROUPS_TEXT_MAX);
	plan->status = buf_init(STATUS_TEXT_MAX);
	put_status(policy, &plan->status);
	pieces_render(in->config, policy, in->choices->keep_token, &plan->pieces);

	refuse_pod(in->pod, findings);
	if (json_member_true(spec, "shareProcessNamespace"))
		findings_deny(findings, DENIAL_SHARED_PROCESSES, "pod uses shareProcessNamespace");
	check_choices(in, spec, findings);
	bool installed = ours_check(spec, &plan->pieces, findings);
	ours_check_keys(in->pod, buf_text(&plan->status), findings);
	entrypoint_check_names(in->choices->command, spec, findings);
	identity_groups(spec, &plan->groups, findings);
	plan->pod = (struct confine_pod){
		.in = in,
		.pieces = &plan->pieces,
		.tokens = plan->tokens,
		.fixed = plan->fixed,
		.groups = buf_text(&plan->groups),
		.installed = installed,
	};
	plan_containers(spec, plan, findings);
}

static void edit_metadata(const struct rewrite *in, const struct combined *plan,
			  struct edits *edits)
{
	const json_t *meta = json_member(in->pod, "metadata");

	if (meta == NULL)
		edits_add(edits, "/metadata", json_object());
	edits_merge(edits, "/metadata/annotations", json_member(meta, "annotations"),
		    json_pack("{s:s}", KEY_STATUS, buf_text(&plan->status)));
}

/* Removals first and our init container after the user's, while the indices are those of the pod as
 * it came. */
static void edit_pod(const struct rewrite *in, const struct combined *plan, struct edits *edits)
{
	const json_t *spec = json_member(in->pod, "spec");

	if (!in->choices->keep_token)
		token_remove(spec, plan->tokens, edits);
	if (in->choices->runtime_class != NULL && json_member(spec, "runtimeClassName") == NULL)
		edits_add(edits, "/spec/runtimeClassName", json_string(in->choices->runtime_class));
	edits_append(edits, "/spec/volumes", json_member(spec, "volumes"),
		     json_incref(plan->pieces.volumes));
	for (size_t i = 0; i < plan->n_init; i++)
		confine_edit(&plan->pod, &plan->init[i], edits);
	if (json_member(spec, "initContainers") == NULL)
		edits_add(edits, "/spec/initContainers", json_pack("[O]", plan->pieces.install));
	else if (!plan->pod.installed)
		edits_add(edits, "/spec/initContainers/0", json_incref(plan->pieces.install));
	confine_edit(&plan->pod, &plan->workload, edits);
	edit_metadata(in, plan, edits);
}

void rewrite_combined(const struct rewrite *in, struct edits *edits, struct findings *findings)
{
	AUTO(combined_done) struct combined plan = { 0 };

	plan_pod(in, &plan, findings);
	if (!findings_denied(findings))
		edit_pod(in, &plan, edits);
}
