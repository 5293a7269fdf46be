/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/audit.h"

#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/agent_image.h"
#include "webhook/keys.h"
#include "webhook/pair_binding.h"
#include "webhook/pod.h"
#include "webhook/validate.h"

/* 16 problems with their remedies. */
enum { MESSAGE_MAX = 16 * 1024 };

static const struct audit_text texts[] = {
#define AUDIT_ROW(name, code, word, when, remedy) [AUDIT_##name] = { code, word, when, remedy },
	AUDIT_REASONS(AUDIT_ROW)
#undef AUDIT_ROW
};

const struct audit_text *audit_text(enum audit_reason reason)
{
	return &texts[reason];
}

void audit_markdown(struct buf *out)
{
	buf_puts(out, "\n## What the audit reports\n\n"
		      "Of pods that exist, by `openshell-webhook audit` and by the server "
		      "(docs/webhook.md).\n\n"
		      "| code | reason | when | what to do |\n|---|---|---|---|\n");
	for (int i = AUDIT_NONE + 1; i < AUDIT_REASON_COUNT; i++)
		buf_printf(out, "| %s | %s | %s | %s |\n", texts[i].code, texts[i].word,
			   texts[i].when, texts[i].remedy);
}

static bool has_ended(const json_t *pod)
{
	const char *phase = json_member_text(json_member(pod, "status"), "phase");

	return phase != NULL && (strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0);
}

static bool is_static(const json_t *pod)
{
	return json_member_text(json_member(json_member(pod, "metadata"), "annotations"),
				KEY_MIRROR_POD) != NULL;
}

static bool has_ephemeral(const json_t *pod)
{
	return json_array_size(json_member(json_member(pod, "spec"), "ephemeralContainers")) > 0;
}

/* What is wrong with the namespace says nothing of its pods. */
static bool is_of_namespace(const struct findings *findings)
{
	for (size_t i = 0; i < findings->n_denials; i++)
		if (findings->denials[i].code == DENIAL_INJECTION ||
		    findings->denials[i].code == DENIAL_NAMESPACE_KEY)
			return true;
	return false;
}

/* The image that the agent of this pod came from, where it is not that of new pods. */
static const char *other_image(const struct handler *handler, const json_t *pod)
{
	const char *image = agent_image_of(json_member(pod, "spec"));

	return image != NULL && strcmp(image, handler->config->agent_image) != 0 ? image : NULL;
}

/* What is told in the pod's status, its version among it, is information and changes with each release. */
static bool is_only_status(const struct findings *findings)
{
	return findings->n_denials == 1 && findings->denials[0].code == DENIAL_KEY_OURS &&
	       strstr(findings->denials[0].what, KEY_STATUS) != NULL;
}

/* Whether the pod is what a webhook with another agent's image made, and nothing else differs. */
static bool is_outdated(const struct handler *handler, json_t *pod, const char *namespace_name)
{
	const char *image = other_image(handler, pod);
	struct outcome outcome = { 0 };

	if (image == NULL)
		return false;
	struct webhook_config config = *handler->config;
	config.agent_image = image;
	struct handler other = *handler;
	other.config = &config;
	validate_rendered(&other, pod, namespace_name, &outcome);
	return !findings_denied(&outcome.findings) || is_only_status(&outcome.findings);
}

static enum audit_reason judge_sandboxed(const struct handler *handler, json_t *pod,
					 const char *namespace_name, const struct outcome *outcome,
					 const char **out_detail)
{
	if (has_ephemeral(pod))
		return AUDIT_EPHEMERAL;
	if (is_outdated(handler, pod, namespace_name))
		return AUDIT_OUTDATED;
	if (findings_denied(&outcome->findings))
		return AUDIT_ALTERED;
	if (outcome->topology != TOPOLOGY_NONE)
		return AUDIT_NONE;
	*out_detail = "its annotations ask for none";
	return AUDIT_ALTERED;
}

/* Its own reference. */
static json_t *as_admitted(const struct handler *handler, json_t *pod)
{
	if (!handler_is_proxy(handler, pod))
		return pair_binding_undo(pod);
	json_t *before = json_deep_copy(pod);
	json_object_del(json_member(before, "spec"), "nodeName");
	return before;
}

static enum audit_reason judge(const struct handler *handler, json_t *pod,
			       const char *namespace_name, struct outcome *outcome,
			       const char **out_detail)
{
	AUTO(json_drop) json_t *admitted = NULL;
	struct err err;
	bool is_whole = pod_check(pod, &err) == 0;
	bool is_sandboxed = is_whole && pod_is_sandboxed(pod);

	if (namespaces_find(handler->namespaces, namespace_name) == NULL)
		return is_sandboxed ? AUDIT_UNLABELLED : AUDIT_NONE;
	if (is_static(pod) && !is_sandboxed)
		return AUDIT_STATIC;
	admitted = is_whole ? as_admitted(handler, pod) : json_incref(pod);
	validate_rendered(handler, admitted, namespace_name, outcome);
	if (outcome->waits == WAIT_POD)
		findings_deny(&outcome->findings, DENIAL_SUPERVISOR_UNKNOWN, "it was not asked");
	if (is_of_namespace(&outcome->findings))
		return AUDIT_NAMESPACE;
	if (is_sandboxed) {
		enum audit_reason reason =
			judge_sandboxed(handler, admitted, namespace_name, outcome, out_detail);

		/* Of the pod itself: `admitted` goes. */
		if (reason == AUDIT_OUTDATED)
			*out_detail = other_image(handler, pod);
		return reason;
	}
	return findings_denied(&outcome->findings) ? AUDIT_UNSANDBOXED : AUDIT_NONE;
}

void audit_judge(const struct handler *handler, json_t *pod, const char *namespace_name,
		 struct audit_verdict *out)
{
	AUTO(buf_done) struct buf message = buf_init(MESSAGE_MAX);
	struct outcome outcome = { 0 };
	const char *detail = NULL;

	*out = (struct audit_verdict){ 0 };
	if (has_ended(pod))
		return;
	out->reason = judge(handler, pod, namespace_name, &outcome, &detail);
	findings_message(&outcome.findings, &message);
	if (out->reason != AUDIT_NONE)
		snprintf(out->detail, sizeof(out->detail), "%s",
			 detail != NULL ? detail : buf_text(&message));
}

bool audit_is_provisional(const struct audit_verdict *verdict)
{
	return verdict->reason == AUDIT_UNLABELLED;
}
