/* SPDX-License-Identifier: Apache-2.0 */
/* Topology proxy-pod: the proxy is in a pod of its own, and NetworkPolicies let the agent's pod reach nothing else.
 * The pod waits behind a scheduling gate until the controller has made both; its first container proves it; then the
 * agent starts, as the sandbox user, in the place of each container's command. No container has a privilege. */
#include "lib/cleanup.h"
#include "webhook/findings.h"
#include "webhook/keys.h"
#include "webhook/pair_names.h"
#include "webhook/pod.h"
#include "webhook/rewrite.h"
#include "webhook/wrapped.h"

/* Scheduling gates, enabled without being asked for, and what a gated pod may still be given. */
static const struct kube_version gates = { 1, 30 };

static void refuse_version(const struct kube_version *have, struct findings *findings)
{
	if (have->major == 0)
		findings_deny(findings, DENIAL_PAIRED_VERSION,
			      "the version of Kubernetes is not known");
	else if (!kube_version_is_at_least(*have, gates))
		findings_deny(findings, DENIAL_PAIRED_VERSION, "Kubernetes is %u.%u", have->major,
			      have->minor);
}

static void refuse(const struct rewrite *in, struct findings *findings)
{
	const json_t *spec = json_member(in->pod, "spec");
	const char *node = json_member_text(spec, "nodeName");
	json_t *dns = json_member(spec, "dnsConfig");
	AUTO(json_drop) json_t *ours = pieces_paired_dns();

	refuse_version(&in->kubernetes, findings);
	if (node != NULL && node[0] != '\0')
		findings_deny(findings, DENIAL_NODE_NAME, "pod has nodeName '%.63s'", node);
	if (dns != NULL && !json_equal(dns, ours))
		findings_warn(findings,
			      "dnsConfig has no effect in topology proxy-pod: the proxy resolves");
}

static void edit(const struct rewrite *in, struct edits *edits)
{
	const json_t *spec = json_member(in->pod, "spec");
	const json_t *meta = json_member(in->pod, "metadata");

	edits_merge(edits, "/metadata/labels", json_member(meta, "labels"),
		    json_pack("{s:s}", KEY_SANDBOX_ROLE, PAIR_ROLE_AGENT));
	edits_append(edits, "/spec/schedulingGates", json_member(spec, "schedulingGates"),
		     json_pack("[{s:s}]", "name", PAIR_GATE));
	edits_set(edits, "/spec/dnsPolicy", json_member(spec, "dnsPolicy"), json_string("None"));
	edits_set(edits, "/spec/dnsConfig", json_member(spec, "dnsConfig"), pieces_paired_dns());
}

void rewrite_paired(const struct rewrite *in, struct edits *edits, struct findings *findings)
{
	AUTO(wrapped_done) struct wrapped plan = { 0 };
	const struct identity_hints no_hints = { .rendered = { .uid = 0 } };
	const struct pieces_from from = {
		.config = in->config,
		.choices = in->choices,
		.uid = identity_resolve(in->choices, in->ns, json_member(in->pod, "spec"), NULL,
					&no_hints, findings)
			       .uid,
	};

	if (in->config->proxy_pod_api == NULL) {
		findings_deny(findings, DENIAL_TOPOLOGY_UNSUPPORTED,
			      "topology proxy-pod is not switched on here");
		return;
	}
	pieces_paired(&from, &plan.pieces);
	wrapped_plan(in, TOPOLOGY_PROXY_POD, &plan, findings);
	refuse(in, findings);
	wrapped_refuse_privilege(in, &plan, findings);
	if (findings_denied(findings))
		return;
	wrapped_edit(in, &plan, edits);
	edit(in, edits);
}
