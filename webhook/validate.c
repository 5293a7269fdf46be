/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/validate.h"

#include <string.h>

#include "lib/cleanup.h"
#include "webhook/exec.h"
#include "webhook/kinds.h"
#include "webhook/pair_binding.h"
#include "webhook/pair_policy.h"
#include "webhook/pair_secrets.h"
#include "webhook/pair_supervisor.h"
#include "webhook/pod.h"
#include "webhook/pod_update.h"
#include "webhook/policy_map.h"

static bool is_create(const struct review *review)
{
	return strcmp(review->operation, "CREATE") == 0;
}

static bool is_update(const struct review *review)
{
	return strcmp(review->operation, "UPDATE") == 0;
}

/* What is on its way out is only let go of: its finalizers are removed one by one. */
static bool is_ending(const struct review *review)
{
	return json_member(json_member(review->old_object, "metadata"), "deletionTimestamp") !=
	       NULL;
}

/* Pure but for one question: the agent pod is asked for once nothing else is wrong. `object` is what was submitted,
 * `pod` what its pods are made of. */
static void check_proxy(const struct handler *handler, const json_t *object, json_t *pod,
			const char *namespace_name, struct outcome *outcome)
{
	struct findings *findings = &outcome->findings;
	const struct namespace_facts *ns = namespaces_find(handler->namespaces, namespace_name);

	outcome->topology = TOPOLOGY_PROXY_POD;
	if (ns == NULL)
		findings_deny(findings, DENIAL_NAMESPACE_UNKNOWN, "namespace '%.63s' is not known",
			      namespace_name);
	pair_supervisor_check_claim(object, pod, findings);
	if (findings_denied(findings))
		return;
	if (handler->found == NULL)
		outcome->waits = WAIT_POD;
	else if (handler->found->pod == NULL)
		findings_deny(findings, DENIAL_SUPERVISOR_UNKNOWN, "%s", handler->found->err.msg);
	else
		pair_supervisor_check(pod, handler->found->pod, ns, handler->config, findings);
}

/* Only what this release renders counts as sandboxed. A release that must take pods of the one before it, while
 * both answer in turn, asks here for that rendering too. */
void validate_rendered(const struct handler *handler, json_t *pod, const char *namespace_name,
		       struct outcome *outcome)
{
	AUTO(edits_done) struct edits edits = { 0 };
	struct findings *findings = &outcome->findings;

	if (handler_is_proxy(handler, pod)) {
		check_proxy(handler, pod, pod, namespace_name, outcome);
		return;
	}
	handler_rewrite(handler, pod, namespace_name, &edits, outcome);
	/* Said when the pod was rewritten. */
	findings->n_warnings = 0;
	if (!findings_denied(findings) && edits.n > 0)
		findings_deny(findings, DENIAL_NOT_AS_RENDERED,
			      "the pod's %.200s is not as OpenShell renders it",
			      edits.items[0].path);
}

static bool is_ours(const struct handler *handler, const struct review *review)
{
	const char *own = handler->config->own_user;

	return own != NULL && strcmp(review->username, own) == 0;
}

/* The controller lets an agent pod go; whoever else does, or changes more, takes its fence away. */
static void check_update(const struct handler *handler, const struct review *review,
			 struct outcome *outcome)
{
	if (!is_ours(handler, review) || !pair_binding_is_made(review->old_object, review->object))
		pod_update_check(review->old_object, review->object,
				 handler->config->image_lookup == IMAGE_LOOKUP_REQUIRED,
				 &outcome->findings);
}

static void check_pod(const struct handler *handler, const struct review *review,
		      struct outcome *outcome)
{
	if (is_update(review))
		check_update(handler, review, outcome);
	else if (is_create(review) && !review_is_mirror(review))
		validate_rendered(handler, review->object, review->namespace_name, outcome);
}

/* It would stand in the pod's own network, where the fence is not up before the workload starts, and not at all
 * where no policy and no port asks for one. */
static void check_ephemeral(const struct handler *handler, const struct review *review,
			    struct outcome *outcome)
{
	struct err err;

	(void)handler;
	if (pod_check(review->object, &err) == -1)
		findings_deny(&outcome->findings, DENIAL_MALFORMED, "%s", err.msg);
	else if (pod_is_sandboxed(review->object))
		findings_deny(&outcome->findings, DENIAL_EPHEMERAL_CONTAINER,
			      "the pod is sandboxed, and would get an ephemeral container");
	else
		pair_secrets_refuse(review->object, &outcome->findings);
}

/* It must be what /mutate makes of it. */
static void check_exec(const struct handler *handler, const struct review *review,
		       struct outcome *outcome)
{
	AUTO(edits_done) struct edits edits = { 0 };

	handler_exec(handler, review, &edits, outcome);
	if (!findings_denied(&outcome->findings) && edits.n > 0)
		findings_deny(&outcome->findings, DENIAL_EXEC_OUTSIDE,
			      "the command does not go through the agent");
}

static void check_attach(const struct handler *handler, const struct review *review,
			 struct outcome *outcome)
{
	json_t *pod = handler_pod_of(handler, outcome);

	if (pod != NULL)
		exec_check_attach(pod, review->object, &outcome->findings);
}

/* What stood already may go on, and be let go of: a pod that uses it says what is wrong. */
static void check_config_map(const struct handler *handler, const struct review *review,
			     struct outcome *outcome)
{
	(void)handler;
	if (is_create(review) || (is_update(review) && !is_ending(review) &&
				  !policy_map_is_same(review->old_object, review->object)))
		policy_map_check(review->object, &outcome->findings);
}

/* Where agent pods may be. */
static bool has_agents(const struct handler *handler, const char *namespace_name)
{
	const struct namespace_facts *ns = namespaces_find(handler->namespaces, namespace_name);

	return handler->config->proxy_pod_api != NULL &&
	       (ns == NULL || topology_is_allowed(ns, TOPOLOGY_PROXY_POD));
}

/* What stood already may go on, and be let go of: the controller makes no pair beside it. One that is being deleted has
 * its effect until its last finalizer is gone, which its author may put off. */
static void check_network_policy(const struct handler *handler, const struct review *review,
				 struct outcome *outcome)
{
	if (!has_agents(handler, review->namespace_name) || is_ours(handler, review) ||
	    !(is_create(review) || is_update(review)) ||
	    (is_update(review) && json_is_same(json_member(review->old_object, "spec"),
					       json_member(review->object, "spec"))))
		return;
	if (review->object == NULL)
		findings_deny(&outcome->findings, DENIAL_MALFORMED, "there is no NetworkPolicy");
	else if (pair_policy_opens(review->object))
		findings_deny(&outcome->findings, DENIAL_POLICY_OPENS,
			      "its podSelector could select them");
}

static void let_be(const struct handler *handler, const struct review *review,
		   struct outcome *outcome)
{
	(void)handler, (void)review, (void)outcome;
}

static const struct rule {
	const char *group, *resource, *subresource;
	void (*check)(const struct handler *handler, const struct review *review,
		      struct outcome *outcome);
} rules[] = {
	{ "", "pods", "", check_pod },
	{ "", "pods", "ephemeralcontainers", check_ephemeral },
	{ "", "pods", "exec", check_exec },
	{ "", "pods", "attach", check_attach },
	{ "", "configmaps", "", check_config_map },
	{ "networking.k8s.io", "networkpolicies", "", check_network_policy },
	/* What else can be done to a pod and starts no process outside its sandbox: port-forward and proxy reach
	 * its ports. */
	{ "", "pods", "binding", let_be },
	{ "", "pods", "eviction", let_be },
	{ "", "pods", "log", let_be },
	{ "", "pods", "portforward", let_be },
	{ "", "pods", "proxy", let_be },
	{ "", "pods", "resize", let_be },
	{ "", "pods", "status", let_be },
};

/* Pods are compared one by one, whoever makes them. Here it is for whoever would have a template of that kind: of our
 * Deployment, and the ReplicaSet that comes of it. */
static void check_proxy_template(const struct handler *handler, const struct review *review,
				 json_t *template, struct outcome *outcome)
{
	if (strcmp(review->resource, "replicasets") == 0)
		check_proxy(handler, review->object, template, review->namespace_name, outcome);
	else if (strcmp(review->resource, "deployments") != 0 || !is_ours(handler, review))
		findings_deny(&outcome->findings, DENIAL_SUPERVISOR,
			      "%.40s of others make no proxies", review->resource);
}

/* A namespace that is not known yet is no reason: its pods are judged when they come. */
static void check_template(const struct handler *handler, const struct review *review,
			   const struct kind *kind, struct outcome *outcome)
{
	AUTO(edits_done) struct edits edits = { 0 };
	json_t *template = kind_template(kind, review->object);
	json_t *before = kind_template(kind, review->old_object);

	/* Where there is none, nothing is equal. */
	if (is_update(review) && (is_ending(review) || json_equal(before, template)))
		return;
	if (namespaces_find(handler->namespaces, review->namespace_name) == NULL) {
		findings_warn(&outcome->findings,
			      "namespace '%.63s' is not known yet: the pods "
			      "are judged when they are created",
			      review->namespace_name);
		return;
	}
	if (handler_is_proxy(handler, template))
		check_proxy_template(handler, review, template, outcome);
	else
		handler_rewrite(handler, template, review->namespace_name, &edits, outcome);
}

static void check(const struct handler *handler, const struct review *review,
		  struct outcome *outcome)
{
	const struct kind *kind = kind_of_resource(review->group, review->resource);

	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (strcmp(rules[i].group, review->group) == 0 &&
		    strcmp(rules[i].resource, review->resource) == 0 &&
		    strcmp(rules[i].subresource, review->subresource) == 0) {
			rules[i].check(handler, review, outcome);
			return;
		}
	if (review_is_pod(review))
		findings_deny(&outcome->findings, DENIAL_EPHEMERAL_CONTAINER, "pods/%.40s",
			      review->subresource);
	else if (kind != NULL && review->subresource[0] == '\0' &&
		 (is_create(review) || is_update(review)))
		check_template(handler, review, kind, outcome);
}

int validate(const struct handler *handler, struct slice body, struct buf *out,
	     struct outcome *outcome, struct err *err)
{
	AUTO(review_done) struct review review = { 0 };
	const struct edits none = { 0 };

	*outcome = (struct outcome){ .endpoint = ENDPOINT_VALIDATE };
	if (review_decode(body, &review, err) == -1)
		return err_wrap(err, "AdmissionReview");
	check(handler, &review, outcome);
	if (outcome->waits != WAIT_NONE)
		return 0;
	return handler_answer(handler, &review, &none, outcome, out, err);
}
