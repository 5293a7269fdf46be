/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/confine.h"

#include <string.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "webhook/entrypoint.h"
#include "webhook/inbound.h"
#include "webhook/names.h"
#include "webhook/pod.h"
#include "webhook/probes.h"
#include "webhook/refusals.h"
#include "webhook/token.h"
#include "webhook/warnings.h"
#include "webhook/wrap.h"

enum { INBOUND_TEXT_MAX = 1024 };

void confine_done(struct confine *plan)
{
	free(plan->path);
	image_look_done(&plan->image);
	json_decref(plan->original);
	buf_done(&plan->inbound);
	*plan = (struct confine){ 0 };
}

/* `as_rendered`: the agent's own capabilities, which it has in combined, are there by right. */
static void check_capabilities(const json_t *container, bool as_rendered, struct findings *findings)
{
	AUTO(json_drop) json_t *ours = pieces_capabilities();
	const json_t *added =
		json_member(json_member(json_member(container, "securityContext"), "capabilities"),
			    "add");

	if (json_array_size(added) == 0 ||
	    (as_rendered && json_equal(added, json_member(ours, "add"))))
		return;
	findings_deny(findings, DENIAL_CAPABILITY, "container '%.63s' adds capability %.40s%s",
		      pod_name_of(container), json_string_value(json_array_get(added, 0)),
		      json_array_size(added) > 1 ? " and others" : "");
}

/* A container may have been added by somebody else after we were here: it is confined now. But the one workload
 * of combined had its command when we were here, so somebody has changed it. */
static void check_wrapped(const struct confine_pod *pod, const json_t *container, bool stays,
			  struct findings *findings)
{
	bool wrapped = wrap_is_agent(json_member(container, "command"));
	bool combined = pod->topology == TOPOLOGY_COMBINED;

	if (wrapped && !pod->installed)
		findings_deny(findings, DENIAL_TAMPERED,
			      "container '%.63s' starts the agent, but our init container is "
			      "missing",
			      pod_name_of(container));
	if (!wrapped && pod->installed && stays && combined)
		findings_deny(findings, DENIAL_TAMPERED,
			      "container '%.63s' does not start the agent that our init container "
			      "installs",
			      pod_name_of(container));
	check_capabilities(container, combined && wrapped && pod->installed, findings);
}

void confine_plan(const struct confine_pod *pod, const char *list, size_t i, struct confine *out,
		  struct findings *findings)
{
	const struct choices *choices = pod->in->choices;
	const json_t *spec = json_member(pod->in->pod, "spec");
	const json_t *container = json_array_get(json_member(spec, list), i);
	bool stays = strcmp(list, "containers") == 0;
	struct identity_hints hints = { 0 };

	*out = (struct confine){
		.container = container,
		.stays = stays,
		.path = mem_printf("/spec/%s/%zu", list, i),
		.inbound = buf_init(INBOUND_TEXT_MAX),
	};
	refuse_container(container, pod->pieces->env, findings);
	warn_of_container(container, findings);
	refuse_nested_mounts(pod->fixed, container, findings);
	probes_check(container, findings);
	check_wrapped(pod, container, stays, findings);
	image_look(pod->in, container, &out->image, findings);
	const struct entrypoint_hints entrypoint = { choices->command, &out->image };
	out->original = entrypoint_resolve(container, stays, &entrypoint, pod->topology,
					   &hints.rendered, findings);
	hints.image = out->image.user;
	out->identity = identity_resolve(choices, pod->in->ns, spec, container, &hints, findings);
	inbound_ports(container, stays ? choices->inbound : NULL, &out->inbound, findings);
}

/* The container's own writable mounts: a path that the user chose to mount is one to write to. */
static json_t *writable_paths(const json_t *tokens, const json_t *container)
{
	const json_t *mounts = json_member(container, "volumeMounts");
	json_t *paths = json_array();

	for (size_t i = 0; i < json_array_size(mounts); i++) {
		const json_t *mount = json_array_get(mounts, i);
		const char *name = pod_name_of(mount);

		if (json_member_true(mount, "readOnly") ||
		    strncmp(name, NAME_RESERVED_PREFIX, strlen(NAME_RESERVED_PREFIX)) == 0 ||
		    token_is_volume(tokens, name))
			continue;
		json_array_append(paths, json_object_get(mount, "mountPath"));
	}
	return paths;
}

static void edit_command(const struct confine_pod *pod, const struct confine *plan,
			 const char *path, struct edits *edits)
{
	const struct choices *choices = pod->in->choices;
	AUTO(json_drop) json_t *writable = writable_paths(pod->tokens, plan->container);
	struct wrap wrap = {
		.topology = pod->topology,
		.policy_optional = choices->policy == NULL,
		.identity = plan->identity,
		.groups = pod->groups,
		.inbound = buf_text(&plan->inbound),
		.proxy_uid = choices->proxy_uid,
		.relaxed_identity = choices->relaxed_identity,
		.private_roots = pod->in->config->upstream_ca != NULL,
		.upstream = &pod->in->config->upstream,
		.past = pod->topology == TOPOLOGY_PROXY_POD ? pod->in->config->proxy_pod_api : NULL,
		.full_enforcement = choices->enforcement == ENFORCEMENT_FULL,
		.writable = writable,
		.original = plan->original,
	};

	edits_set(edits, path, json_member(plan->container, "command"), wrap_render(&wrap));
}

static bool is_localhost(const json_t *security)
{
	const char *type = json_member_text(json_member(security, "seccompProfile"), "type");

	return type != NULL && strcmp(type, "Localhost") == 0;
}

/* In combined the agent starts with what building a sandbox takes. */
static json_t *security_of_builder(void)
{
	return json_pack("{s:i, s:i, s:b, s:o}", "runAsUser", 0, "runAsGroup", 0, "runAsNonRoot", 0,
			 "capabilities", pieces_capabilities());
}

/* Elsewhere the runtime makes the user, who can become no other: a sidecar's fence goes by users. */
static json_t *security_of_user(const struct identity *identity)
{
	return json_pack("{s:I, s:I, s:b, s:b, s:{s:[s]}}", "runAsUser", (json_int_t)identity->uid,
			 "runAsGroup", (json_int_t)identity->gid, "runAsNonRoot", 1,
			 "allowPrivilegeEscalation", 0, "capabilities", "drop", "ALL");
}

static void edit_security(const struct confine_pod *pod, const struct confine *plan,
			  const char *path, struct edits *edits)
{
	const json_t *security = json_member(plan->container, "securityContext");
	const json_t *of_pod = json_member(json_member(pod->in->pod, "spec"), "securityContext");
	bool own_profile = json_member(security, "seccompProfile") != NULL;
	bool combined = pod->topology == TOPOLOGY_COMBINED;
	json_t *want = combined ? security_of_builder() : security_of_user(&plan->identity);

	/* Someone's own profile stays; anything weaker than the runtime's does not. */
	if (!is_localhost(own_profile ? security : of_pod))
		json_object_set_new(want, "seccompProfile",
				    json_pack("{s:s}", "type", "RuntimeDefault"));
	/* Kubernetes refuses it beside SYS_ADMIN; the agent sets no_new_privs for the workload. */
	if (combined && json_is_false(json_member(security, "allowPrivilegeEscalation"))) {
		AUTO_FREE char *place = mem_printf("%s/allowPrivilegeEscalation", path);

		edits_remove(edits, place);
	}
	edits_merge(edits, path, security, want);
}

void confine_edit(const struct confine_pod *pod, const struct confine *plan, struct edits *edits)
{
	AUTO_FREE char *mounts = mem_printf("%s/volumeMounts", plan->path);
	AUTO_FREE char *command = mem_printf("%s/command", plan->path);
	AUTO_FREE char *env = mem_printf("%s/env", plan->path);
	AUTO_FREE char *security = mem_printf("%s/securityContext", plan->path);

	edits_append(edits, mounts, json_member(plan->container, "volumeMounts"),
		     json_incref(pod->pieces->mounts));
	if (plan->image.pinned != NULL) {
		AUTO_FREE char *image = mem_printf("%s/image", plan->path);

		edits_set(edits, image, json_member(plan->container, "image"),
			  json_string(plan->image.pinned));
	}
	if (pod->pieces->env != NULL)
		edits_append(edits, env, json_member(plan->container, "env"),
			     json_incref(pod->pieces->env));
	edit_command(pod, plan, command, edits);
	edit_security(pod, plan, security, edits);
	probes_edit(plan->container, plan->path, edits);
}
