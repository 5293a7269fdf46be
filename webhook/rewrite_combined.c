/* SPDX-License-Identifier: Apache-2.0 */
/* Topology combined: the agent, installed by our init container, starts in the workload's place,
 * builds the sandbox around it and supervises it. One container per pod. */
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/entrypoint.h"
#include "webhook/identity.h"
#include "webhook/inbound.h"
#include "webhook/keys.h"
#include "webhook/names.h"
#include "webhook/ours.h"
#include "webhook/pod.h"
#include "webhook/refusals.h"
#include "webhook/rewrite.h"
#include "webhook/token.h"
#include "webhook/wrap.h"

/* There is exactly one, by then. */
#define CONTAINER "/spec/containers/0"

enum { GROUPS_TEXT_MAX = 1024, STATUS_TEXT_MAX = 1024, INBOUND_TEXT_MAX = 1024 };

struct combined {
	struct pieces pieces;
	const char *policy;
	bool installed; /* our own output has come back */
	json_t *original; /* the workload's command */
	struct identity identity;
	struct buf groups, status, inbound;
};

static void combined_done(struct combined *plan)
{
	pieces_done(&plan->pieces);
	json_decref(plan->original);
	buf_done(&plan->groups);
	buf_done(&plan->status);
	buf_done(&plan->inbound);
}

static void put_status(const char *policy, struct buf *out)
{
	buf_puts(out,
		 "{\"version\":\"" OPENSHELL_VERSION "\",\"topology\":\"combined\",\"policy\":");
	buf_put_json(out, slice_text(policy));
	buf_puts(out, "}");
}

static void check_capabilities(const json_t *container, bool wrapped, struct findings *findings)
{
	AUTO(json_drop) json_t *ours = pieces_capabilities();
	const json_t *added =
		json_member(json_member(json_member(container, "securityContext"), "capabilities"),
			    "add");

	if (json_array_size(added) == 0 || (wrapped && json_equal(added, json_member(ours, "add"))))
		return;
	findings_deny(findings, DENIAL_CAPABILITY, "container '%.63s' adds capability %.40s%s",
		      pod_name_of(container), json_string_value(json_array_get(added, 0)),
		      json_array_size(added) > 1 ? " and others" : "");
}

/* What a pod says that this version does not do. */
static void check_choices(const struct rewrite *in, const json_t *spec, struct findings *findings)
{
	const struct choices *choices = in->choices;
	const char *runtime_class = json_member_text(spec, "runtimeClassName");

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

static void plan_container(const struct rewrite *in, const json_t *spec, const json_t *container,
			   struct combined *plan, struct findings *findings)
{
	struct identity rendered = { 0 };

	plan->original = entrypoint_resolve(container, in->choices, &rendered, findings);
	if (plan->installed != wrap_is_agent(json_member(container, "command")))
		findings_deny(findings, DENIAL_TAMPERED, "container '%.63s' %s",
			      pod_name_of(container),
			      plan->installed
				      ? "does not start the agent that our init container installs"
				      : "starts the agent, but our init container is missing");
	check_capabilities(container, plan->installed, findings);
	plan->identity = identity_resolve(in->choices, in->ns, spec, container, rendered, findings);
	inbound_ports(container, in->choices->inbound, &plan->inbound, findings);
	check_choices(in, spec, findings);
}

static void plan_pod(const struct rewrite *in, struct combined *plan, struct findings *findings)
{
	const json_t *spec = json_member(in->pod, "spec");
	const json_t *containers = json_member(spec, "containers");
	const char *policy = in->choices->policy;

	plan->policy = policy != NULL ? policy : NAME_DEFAULT_POLICY;
	plan->groups = buf_init(GROUPS_TEXT_MAX);
	plan->status = buf_init(STATUS_TEXT_MAX);
	plan->inbound = buf_init(INBOUND_TEXT_MAX);
	put_status(plan->policy, &plan->status);
	pieces_render(in->config->agent_image, plan->policy, in->choices->keep_token,
		      &plan->pieces);

	refuse_pod(in->pod, findings);
	if (json_member_true(spec, "shareProcessNamespace"))
		findings_deny(findings, DENIAL_SHARED_PROCESSES, "pod uses shareProcessNamespace");
	plan->installed = ours_check(spec, &plan->pieces, findings);
	ours_check_keys(in->pod, buf_text(&plan->status), findings);
	identity_groups(spec, &plan->groups, findings);
	for (size_t i = 0; i < json_array_size(containers); i++) {
		refuse_container(json_array_get(containers, i), findings);
		refuse_nested_mounts(spec, json_array_get(containers, i), findings);
		refuse_probes(json_array_get(containers, i), findings);
	}
	if (json_array_size(containers) > 1)
		findings_deny(findings, DENIAL_MANY_CONTAINERS, "pod has %zu containers",
			      json_array_size(containers));
	else
		plan_container(in, spec, json_array_get(containers, 0), plan, findings);
}

/* The container's own writable mounts: a path that the user chose to mount is one to write to. */
static json_t *writable_paths(const struct rewrite *in, const json_t *container)
{
	const json_t *spec = json_member(in->pod, "spec");
	const json_t *mounts = json_member(container, "volumeMounts");
	json_t *paths = json_array();

	for (size_t i = 0; i < json_array_size(mounts); i++) {
		const json_t *mount = json_array_get(mounts, i);
		const char *name = pod_name_of(mount);

		if (json_member_true(mount, "readOnly") ||
		    strncmp(name, NAME_RESERVED_PREFIX, strlen(NAME_RESERVED_PREFIX)) == 0 ||
		    token_is_volume(spec, name))
			continue;
		json_array_append(paths, json_object_get(mount, "mountPath"));
	}
	return paths;
}

static void edit_command(const struct rewrite *in, const json_t *container,
			 const struct combined *plan, struct edits *edits)
{
	AUTO(json_drop) json_t *writable = writable_paths(in, container);
	struct wrap wrap = {
		.policy_optional = in->choices->policy == NULL,
		.identity = plan->identity,
		.groups = buf_text(&plan->groups),
		.inbound = buf_text(&plan->inbound),
		.proxy_uid = in->choices->proxy_uid,
		.relaxed_identity = in->choices->relaxed_identity,
		.writable = writable,
		.original = plan->original,
	};

	edits_set(edits, CONTAINER "/command", json_member(container, "command"),
		  wrap_render(&wrap));
}

static bool is_localhost(const json_t *security)
{
	const char *type = json_member_text(json_member(security, "seccompProfile"), "type");

	return type != NULL && strcmp(type, "Localhost") == 0;
}

static void edit_security(const json_t *spec, const json_t *container, struct edits *edits)
{
	const json_t *security = json_member(container, "securityContext");
	const json_t *of_pod = json_member(spec, "securityContext");
	const json_t *escalation = json_member(security, "allowPrivilegeEscalation");
	bool own_profile = json_member(security, "seccompProfile") != NULL;
	json_t *want = json_pack("{s:i, s:i, s:b, s:o}", "runAsUser", 0, "runAsGroup", 0,
				 "runAsNonRoot", 0, "capabilities", pieces_capabilities());

	/* Someone's own profile stays; anything weaker than the runtime's does not. */
	if (!is_localhost(own_profile ? security : of_pod))
		json_object_set_new(want, "seccompProfile",
				    json_pack("{s:s}", "type", "RuntimeDefault"));
	/* Kubernetes refuses it beside SYS_ADMIN; the agent sets no_new_privs for the workload. */
	if (json_is_false(escalation))
		edits_remove(edits, CONTAINER "/securityContext/allowPrivilegeEscalation");
	edits_merge(edits, CONTAINER "/securityContext", security, want);
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

/* Removals first, while the indices are those of the pod as it came. */
static void edit_pod(const struct rewrite *in, const struct combined *plan, struct edits *edits)
{
	const json_t *spec = json_member(in->pod, "spec");
	const json_t *container = json_array_get(json_member(spec, "containers"), 0);
	const json_t *init = json_member(spec, "initContainers");

	if (!in->choices->keep_token)
		token_remove(spec, edits);
	if (in->choices->runtime_class != NULL && json_member(spec, "runtimeClassName") == NULL)
		edits_add(edits, "/spec/runtimeClassName", json_string(in->choices->runtime_class));
	edits_append(edits, "/spec/volumes", json_member(spec, "volumes"),
		     json_incref(plan->pieces.volumes));
	if (init == NULL)
		edits_add(edits, "/spec/initContainers", json_pack("[O]", plan->pieces.install));
	else if (!plan->installed)
		edits_add(edits, "/spec/initContainers/0", json_incref(plan->pieces.install));
	edits_append(edits, CONTAINER "/volumeMounts", json_member(container, "volumeMounts"),
		     json_incref(plan->pieces.mounts));
	edit_command(in, container, plan, edits);
	edit_security(spec, container, edits);
	edit_metadata(in, plan, edits);
}

void rewrite_combined(const struct rewrite *in, struct edits *edits, struct findings *findings)
{
	AUTO(combined_done) struct combined plan = { 0 };

	plan_pod(in, &plan, findings);
	if (!findings_denied(findings))
		edit_pod(in, &plan, edits);
}
