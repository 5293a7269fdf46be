/* SPDX-License-Identifier: Apache-2.0 */
/* Topology sidecar: our first init container closes the pod's network for all but the proxy's user, the proxy
 * runs beside everything that comes after it, and the agent starts, as the sandbox user, in the place of the
 * command of each other container. No container that somebody else wrote has a privilege. */
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/findings.h"
#include "webhook/keys.h"
#include "webhook/names.h"
#include "webhook/pod.h"
#include "webhook/rewrite.h"
#include "webhook/wrapped.h"

/* Init containers that run on, enabled without being asked for. */
static const struct kube_version native_sidecars = { 1, 29 };

static void refuse_version(const struct kube_version *have, struct findings *findings)
{
	if (have->major == 0)
		findings_deny(findings, DENIAL_KUBERNETES_VERSION,
			      "the version of Kubernetes is not known");
	else if (!kube_version_is_at_least(*have, native_sidecars))
		findings_deny(findings, DENIAL_KUBERNETES_VERSION, "Kubernetes is %u.%u",
			      have->major, have->minor);
}

static void refuse(const struct rewrite *in, const struct wrapped *plan, struct findings *findings)
{
	const json_t *spec = json_member(in->pod, "spec");

	refuse_version(&in->kubernetes, findings);
	if (!in->choices->relaxed_identity &&
	    json_is_false(json_member(spec, "shareProcessNamespace")))
		findings_deny(findings, DENIAL_PROCESSES_NOT_SHARED,
			      "pod has shareProcessNamespace false");
	if (in->choices->inbound != NULL)
		findings_warn(findings,
			      "inbound-ports has no effect in topology sidecar: ports are open");
	wrapped_refuse_privilege(in, plan, findings);
}

/* As Kubernetes counts it: a limit stands in for a request that is absent. */
static bool is_guaranteed(const json_t *container)
{
	static const char *const names[] = { "cpu", "memory" };
	const json_t *resources = json_member(container, "resources");

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const json_t *limit = json_member(json_member(resources, "limits"), names[i]);
		const json_t *request = json_member(json_member(resources, "requests"), names[i]);

		if (limit == NULL || (request != NULL && !json_equal(limit, request)))
			return false;
	}
	return true;
}

static bool are_guaranteed(const json_t *containers)
{
	for (size_t i = 0; i < json_array_size(containers); i++) {
		const json_t *container = json_array_get(containers, i);
		const char *name = pod_name_of(container);

		/* Ours, from an earlier pass: they follow the others. */
		if (strncmp(name, NAME_RESERVED_PREFIX, strlen(NAME_RESERVED_PREFIX)) != 0 &&
		    !is_guaranteed(container))
			return false;
	}
	return true;
}

void rewrite_sidecar(const struct rewrite *in, struct edits *edits, struct findings *findings)
{
	AUTO(wrapped_done) struct wrapped plan = { 0 };
	const json_t *spec = json_member(in->pod, "spec");
	const struct pieces_from from = {
		.config = in->config,
		.choices = in->choices,
		.is_guaranteed = are_guaranteed(json_member(spec, "containers")) &&
				 are_guaranteed(json_member(spec, "initContainers")),
	};

	pieces_sidecar(&from, &plan.pieces);
	wrapped_plan(in, TOPOLOGY_SIDECAR, &plan, findings);
	refuse(in, &plan, findings);
	if (findings_denied(findings))
		return;
	wrapped_edit(in, &plan, edits);
	if (!in->choices->relaxed_identity)
		edits_set(edits, "/spec/shareProcessNamespace",
			  json_member(spec, "shareProcessNamespace"), json_true());
}
