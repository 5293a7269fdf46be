/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/wrapped.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "webhook/entrypoint.h"
#include "webhook/keys.h"
#include "webhook/names.h"
#include "webhook/naming.h"
#include "webhook/ours.h"
#include "webhook/pair_names.h"
#include "webhook/pod.h"
#include "webhook/refusals.h"
#include "webhook/token.h"

/* Of the ids that a pod in a user namespace of its own has. */
enum { USER_NAMESPACE_MAX = 65535 };

enum { GROUPS_TEXT_MAX = 1024, STATUS_TEXT_MAX = 1024 };

void wrapped_done(struct wrapped *plan)
{
	for (size_t i = 0; i < plan->n; i++)
		confine_done(&plan->containers[i]);
	free(plan->containers);
	pieces_done(&plan->pieces);
	json_decref(plan->tokens);
	json_decref(plan->fixed);
	buf_done(&plan->groups);
	buf_done(&plan->status);
	*plan = (struct wrapped){ 0 };
}

static void put_status(enum topology topology, const char *policy, struct buf *out)
{
	buf_puts(out, "{\"version\":\"" OPENSHELL_VERSION "\",\"topology\":");
	buf_put_json(out, slice_text(topology_name(topology)));
	buf_puts(out, ",\"policy\":");
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

static void check_choices(const struct rewrite *in, enum topology topology, const json_t *spec,
			  struct findings *findings)
{
	const struct choices *choices = in->choices;
	const char *runtime_class = json_member_text(spec, "runtimeClassName");

	if (topology != TOPOLOGY_PROXY_POD) {
		check_pod_security(in->ns, findings);
		check_runtime_class(runtime_class != NULL ? runtime_class : choices->runtime_class,
				    findings);
	}
	if (choices->wants_affinity && topology != TOPOLOGY_PROXY_POD)
		findings_warn(findings, "proxy-affinity has no effect in topology %s",
			      topology_name(topology));
	if (choices->runtime_class != NULL && runtime_class != NULL &&
	    strcmp(choices->runtime_class, runtime_class) != 0)
		findings_warn(findings,
			      "runtime-class has no effect: the pod has runtimeClassName "
			      "'%.40s'",
			      runtime_class);
}

/* The kubelet lets the group read every file of a Secret, and the workload is in that group. */
static void check_credentials(const struct rewrite *in, enum topology topology, const json_t *spec,
			      struct findings *findings)
{
	const json_t *group = json_member(json_member(spec, "securityContext"), "fsGroup");

	if (topology == TOPOLOGY_COMBINED && in->config->upstream.auth_secret != NULL &&
	    json_is_integer(group))
		findings_deny(findings, DENIAL_CREDENTIALS_GROUP,
			      "fsGroup is %" JSON_INTEGER_FORMAT, json_integer_value(group));
}

/* The kubelet would start the pod, and the runtime fail at each container. */
static void check_user_namespace(const struct rewrite *in, const struct wrapped *plan,
				 struct findings *findings)
{
	const json_t *host_users = json_member(json_member(in->pod, "spec"), "hostUsers");

	if (!json_is_false(host_users))
		return;
	if (in->choices->proxy_uid > USER_NAMESPACE_MAX && plan->pod.topology != TOPOLOGY_PROXY_POD)
		findings_deny(findings, DENIAL_USER_NAMESPACE, "the proxy's user is %" PRIu32,
			      in->choices->proxy_uid);
	for (size_t i = 0; i < plan->n; i++) {
		const struct identity *identity = &plan->containers[i].identity;

		if (identity->uid > USER_NAMESPACE_MAX || identity->gid > USER_NAMESPACE_MAX)
			findings_deny(findings, DENIAL_USER_NAMESPACE,
				      "container '%.63s' runs as %" PRIu32 ":%" PRIu32,
				      pod_name_of(plan->containers[i].container), identity->uid,
				      identity->gid);
	}
}

static void plan_containers(const json_t *spec, struct wrapped *plan, struct findings *findings)
{
	size_t init = json_array_size(json_member(spec, "initContainers"));
	size_t stay = json_array_size(json_member(spec, "containers"));

	plan->containers = mem_calloc(init + stay, sizeof(*plan->containers));
	for (size_t i = plan->pod.installed ? json_array_size(plan->pieces.init) : 0; i < init; i++)
		confine_plan(&plan->pod, "initContainers", i, &plan->containers[plan->n++],
			     findings);
	for (size_t i = 0; i < stay; i++)
		confine_plan(&plan->pod, "containers", i, &plan->containers[plan->n++], findings);
}

void wrapped_plan(const struct rewrite *in, enum topology topology, struct wrapped *plan,
		  struct findings *findings)
{
	const json_t *spec = json_member(in->pod, "spec");

	plan->tokens = token_volumes(spec);
	plan->fixed = refuse_fixed_volumes(spec);
	plan->groups = buf_init(GROUPS_TEXT_MAX);
	plan->status = buf_init(STATUS_TEXT_MAX);
	put_status(topology, pieces_policy(in->choices), &plan->status);

	refuse_pod(in->pod, findings);
	if (in->choices->policy_locked)
		naming_refuse(spec, findings);
	check_choices(in, topology, spec, findings);
	check_credentials(in, topology, spec, findings);
	bool installed = ours_check(spec, &plan->pieces, findings);
	ours_check_keys(in->pod, buf_text(&plan->status),
			topology == TOPOLOGY_PROXY_POD ? PAIR_ROLE_AGENT : NULL, findings);
	entrypoint_check_names(in->choices->command, spec, findings);
	identity_groups(spec, &plan->groups, findings);
	plan->pod = (struct confine_pod){
		.in = in,
		.topology = topology,
		.pieces = &plan->pieces,
		.tokens = plan->tokens,
		.fixed = plan->fixed,
		.groups = buf_text(&plan->groups),
		.installed = installed,
	};
	plan_containers(spec, plan, findings);
	check_user_namespace(in, plan, findings);
}

static bool wants_root(const json_t *spec, const json_t *container)
{
	const json_t *own = json_member(json_member(container, "securityContext"), "runAsUser");
	const json_t *of_pod = json_member(json_member(spec, "securityContext"), "runAsUser");
	const json_t *user = own != NULL ? own : of_pod;

	return user != NULL && json_integer_value(user) == 0;
}

static void refuse_privilege_of(const struct rewrite *in, const json_t *container,
				struct findings *findings)
{
	const json_t *spec = json_member(in->pod, "spec");
	const char *name = pod_name_of(container);

	if (in->choices->run_as_user == 0 && wants_root(spec, container))
		findings_deny(findings, DENIAL_ROOT, "container '%.63s' has runAsUser 0", name);
	if (json_member_true(json_member(container, "securityContext"), "allowPrivilegeEscalation"))
		findings_deny(findings, DENIAL_PRIVILEGE_ESCALATION,
			      "container '%.63s' has allowPrivilegeEscalation", name);
}

void wrapped_refuse_privilege(const struct rewrite *in, const struct wrapped *plan,
			      struct findings *findings)
{
	for (size_t i = 0; i < plan->n; i++)
		refuse_privilege_of(in, plan->containers[i].container, findings);
}

static void edit_metadata(const struct rewrite *in, const struct wrapped *plan, struct edits *edits)
{
	const json_t *meta = json_member(in->pod, "metadata");

	if (meta == NULL)
		edits_add(edits, "/metadata", json_object());
	edits_merge(edits, "/metadata/annotations", json_member(meta, "annotations"),
		    json_pack("{s:s}", KEY_STATUS, buf_text(&plan->status)));
}

static void add_init(const json_t *spec, const struct wrapped *plan, struct edits *edits)
{
	if (json_member(spec, "initContainers") == NULL) {
		edits_add(edits, "/spec/initContainers", json_incref(plan->pieces.init));
		return;
	}
	/* Each comes before those that are there. */
	for (size_t i = json_array_size(plan->pieces.init); i-- > 0 && !plan->pod.installed;)
		edits_add(edits, "/spec/initContainers/0",
			  json_incref(json_array_get(plan->pieces.init, i)));
}

/* Removals first and our init containers after the user's, while the indices are those of the pod as
 * it came. */
void wrapped_edit(const struct rewrite *in, const struct wrapped *plan, struct edits *edits)
{
	const json_t *spec = json_member(in->pod, "spec");
	size_t i = 0;

	if (!in->choices->keep_token)
		token_remove(spec, plan->tokens, edits);
	if (in->choices->runtime_class != NULL && json_member(spec, "runtimeClassName") == NULL)
		edits_add(edits, "/spec/runtimeClassName", json_string(in->choices->runtime_class));
	edits_append(edits, "/spec/volumes", json_member(spec, "volumes"),
		     json_incref(plan->pieces.volumes));
	for (; i < plan->n && !plan->containers[i].stays; i++)
		confine_edit(&plan->pod, &plan->containers[i], edits);
	add_init(spec, plan, edits);
	for (; i < plan->n; i++)
		confine_edit(&plan->pod, &plan->containers[i], edits);
	edit_metadata(in, plan, edits);
}
