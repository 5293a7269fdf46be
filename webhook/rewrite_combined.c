/* SPDX-License-Identifier: Apache-2.0 */
/* Topology combined: the agent, installed by our init container, starts as root in the place of each
 * container's command: of the init containers, one after the other, and of the one workload. Each builds
 * the whole sandbox around what it starts. */
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/findings.h"
#include "webhook/keys.h"
#include "webhook/pod.h"
#include "webhook/rewrite.h"
#include "webhook/wrapped.h"

/* Such a one runs on beside the workload, and two agents cannot share the pod's network. */
static void refuse_native_sidecars(const json_t *spec, struct findings *findings)
{
	const json_t *init = json_member(spec, "initContainers");

	for (size_t i = 0; i < json_array_size(init); i++) {
		const json_t *container = json_array_get(init, i);
		const char *restart = json_member_text(container, "restartPolicy");

		if (restart != NULL && strcmp(restart, "Always") == 0)
			findings_deny(findings, DENIAL_NATIVE_SIDECAR,
				      "init container '%.63s' has restartPolicy Always",
				      pod_name_of(container));
	}
}

static void refuse(const struct rewrite *in, struct findings *findings)
{
	const json_t *spec = json_member(in->pod, "spec");
	size_t n = json_array_size(json_member(spec, "containers"));

	if (json_member_true(spec, "shareProcessNamespace"))
		findings_deny(findings, DENIAL_SHARED_PROCESSES, "pod uses shareProcessNamespace");
	if (in->choices->enforcement == ENFORCEMENT_NETWORK_ONLY)
		findings_deny(findings, DENIAL_KEY_UNSUPPORTED,
			      KEY_PROCESS_ENFORCEMENT
			      " network-only would leave the workload root in "
			      "topology combined");
	refuse_native_sidecars(spec, findings);
	if (n != 1)
		findings_deny(findings, DENIAL_MANY_CONTAINERS, "pod has %zu containers", n);
}

void rewrite_combined(const struct rewrite *in, struct edits *edits, struct findings *findings)
{
	AUTO(wrapped_done) struct wrapped plan = { 0 };
	const struct pieces_from from = { .config = in->config, .choices = in->choices };

	pieces_combined(&from, &plan.pieces);
	refuse(in, findings);
	wrapped_plan(in, TOPOLOGY_COMBINED, &plan, findings);
	if (!findings_denied(findings))
		wrapped_edit(in, &plan, edits);
}
