/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/handler.h"

#include <string.h>

#include "lib/cleanup.h"
#include "webhook/choices.h"
#include "webhook/exec.h"
#include "webhook/pair_secrets.h"
#include "webhook/pair_supervisor.h"
#include "webhook/patch.h"
#include "webhook/pod.h"
#include "webhook/response.h"
#include "webhook/review.h"
#include "webhook/rewrite.h"

static const char *const result_names[OUTCOME_COUNT] = {
	[OUTCOME_REFUSED] = "refused",
	[OUTCOME_UNTOUCHED] = "untouched",
	[OUTCOME_REWRITTEN] = "rewritten",
};

const char *endpoint_name(enum endpoint endpoint)
{
	static const char *const names[ENDPOINT_COUNT] = {
		[ENDPOINT_MUTATE] = "mutate",
		[ENDPOINT_VALIDATE] = "validate",
	};

	return names[endpoint];
}

void handler_rewrite(const struct handler *handler, json_t *pod, const char *namespace_name,
		     struct edits *edits, struct outcome *outcome)
{
	AUTO(choices_done) struct choices choices = { 0 };
	struct findings *findings = &outcome->findings;
	struct err err;

	if (pod_check(pod, &err) == -1) {
		findings_deny(findings, DENIAL_MALFORMED, "%s", err.msg);
		return;
	}
	const struct namespace_facts *ns = namespaces_find(handler->namespaces, namespace_name);
	if (ns == NULL) {
		findings_deny(findings, DENIAL_NAMESPACE_UNKNOWN, "namespace '%.63s' is not known",
			      namespace_name);
		return;
	}
	choices_read(pod, ns, &choices, findings);
	outcome->topology =
		topology_decide(ns, &choices, handler->config->default_topology, findings);
	const struct kube_version *told = &handler->config->kubernetes;
	const struct rewrite in = {
		.config = handler->config,
		.ns = ns,
		.choices = &choices,
		.pod = pod,
		.kubernetes = told->major != 0 ? *told : handler->kubernetes,
		.images = handler->images,
		.pins_images = outcome->endpoint == ENDPOINT_MUTATE ||
			       handler->config->image_lookup == IMAGE_LOOKUP_REQUIRED,
	};
	pair_secrets_refuse(pod, findings);
	if (in.images != NULL)
		image_wants_set_namespace(in.images, namespace_name);
	rewrite_pod(&in, outcome->topology, edits, findings);
	if (in.images != NULL && image_wants_are_open(in.images))
		outcome->waits = WAIT_IMAGES;
}

json_t *handler_pod_of(const struct handler *handler, struct outcome *outcome)
{
	const struct pod_found *found = handler->found;

	if (found == NULL || found->pod == NULL)
		findings_deny(&outcome->findings, DENIAL_POD_UNKNOWN, "%s",
			      found != NULL ? found->err.msg : "it was not asked");
	return found != NULL ? found->pod : NULL;
}

bool handler_is_proxy(const struct handler *handler, const json_t *pod)
{
	return handler->config->proxy_pod_api != NULL && pair_supervisor_is(pod);
}

void handler_exec(const struct handler *handler, const struct review *review, struct edits *edits,
		  struct outcome *outcome)
{
	json_t *pod = handler_pod_of(handler, outcome);

	if (pod != NULL)
		exec_rewrite(pod, review->object, edits, &outcome->findings);
}

static void mutate(const struct handler *handler, const struct review *review, struct edits *edits,
		   struct outcome *outcome)
{
	if (review_is_connect(review, "exec"))
		handler_exec(handler, review, edits, outcome);
	if (!review_is_pod(review) || review->subresource[0] != '\0' ||
	    strcmp(review->operation, "CREATE") != 0)
		return;
	if (review_is_mirror(review)) {
		findings_warn(&outcome->findings, "a static pod of a node runs without a sandbox");
		outcome->topology = TOPOLOGY_NONE;
	} else if (handler_is_proxy(handler, review->object)) {
		/* It stays as it is, and /validate compares it. */
		pair_supervisor_check_claim(review->object, review->object, &outcome->findings);
		outcome->topology = TOPOLOGY_PROXY_POD;
	} else {
		handler_rewrite(handler, review->object, review->namespace_name, edits, outcome);
	}
}

static void log_outcome(const struct handler *handler, const struct review *review,
			const struct outcome *outcome)
{
	const json_t *meta = json_member(review->object, "metadata");
	const char *name = json_member_text(meta, "name");
	const char *prefix = json_member_text(meta, "generateName");
	const char *otherwise = prefix != NULL ? prefix : review->name;
	struct log_line line = log_begin(handler->log, LOG_LEVEL_INFO, "review");

	if (line.muted)
		return;
	log_str(&line, "endpoint", endpoint_name(outcome->endpoint));
	log_str(&line, "result", result_names[outcome->result]);
	log_str(&line, "namespace", review->namespace_name);
	log_str(&line, "resource", review->resource);
	if (review->subresource[0] != '\0')
		log_str(&line, "subresource", review->subresource);
	log_str(&line, "name", name != NULL ? name : otherwise);
	log_str(&line, "topology", topology_name(outcome->topology));
	log_str(&line, "uid", review->uid);
	if (findings_denied(&outcome->findings)) {
		AUTO(buf_done) struct buf message = buf_init(LOG_VALUE_MAX);

		findings_message(&outcome->findings, &message);
		log_str(&line, "reason", buf_text(&message));
	}
	log_end(&line);
}

int handler_answer(const struct handler *handler, const struct review *review,
		   const struct edits *edits, struct outcome *outcome, struct buf *out,
		   struct err *err)
{
	AUTO(buf_done) struct buf patch = buf_init(HANDLER_PATCH_MAX);
	struct findings *findings = &outcome->findings;
	const struct response_to to = { review->uid, topology_name(outcome->topology) };
	struct err too_large;

	if (!findings_denied(findings) && patch_encode(edits, &patch, &too_large) == -1)
		findings_deny(findings, DENIAL_TOO_LARGE, "%s", too_large.msg);
	if (findings_denied(findings)) {
		response_deny(&to, findings, out);
	} else {
		outcome->result = edits->n > 0 ? OUTCOME_REWRITTEN : OUTCOME_UNTOUCHED;
		response_allow(&to, findings, &patch, out);
	}
	log_outcome(handler, review, outcome);
	if (out->overflow)
		return err_set(err, ERR_LIMIT, "the answer is larger than %zu bytes", out->max);
	return 0;
}

int handler_mutate(const struct handler *handler, struct slice body, struct buf *out,
		   struct outcome *outcome, struct err *err)
{
	AUTO(review_done) struct review review = { 0 };
	AUTO(edits_done) struct edits edits = { 0 };

	*outcome = (struct outcome){ .endpoint = ENDPOINT_MUTATE };
	if (review_decode(body, &review, err) == -1)
		return err_wrap(err, "AdmissionReview");
	mutate(handler, &review, &edits, outcome);
	if (outcome->waits != WAIT_NONE)
		return 0;
	return handler_answer(handler, &review, &edits, outcome, out, err);
}
