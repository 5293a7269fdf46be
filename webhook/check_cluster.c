/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/check_cluster.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "lib/cleanup.h"
#include "webhook/choices.h"
#include "webhook/default_policy.h"
#include "webhook/keys.h"
#include "webhook/names.h"
#include "webhook/pair_policy.h"
#include "webhook/pod.h"
#include "webhook/policy_map.h"
#include "webhook/topology.h"

enum {
	/* 16 problems with their remedies. */
	MESSAGE_MAX = 16 * 1024,
	/* Of policies that open agent pods: each has the same remedy. */
	OPEN_SHOWN_MAX = 8,
	/* What renews itself is renewed before. */
	SOON_DAYS = 14,
	DAY_S = 86400,
};

#define PODS_WEBHOOK "pods.openshell.io"

void check_version(struct check_report *report, struct kube_version version)
{
	const struct kube_version native_sidecars = { 1, 29 };

	if (kube_version_is_at_least(version, native_sidecars))
		check_add(report, CHECK_OK, "Kubernetes", NULL, "%u.%u", version.major,
			  version.minor);
	else
		check_add(report, CHECK_NOTE, "Kubernetes",
			  "use topology combined, or upgrade to 1.29",
			  "%u.%u has no native sidecars: topology sidecar is refused",
			  version.major, version.minor);
}

/* NULL: nothing is wrong with it. */
static const char *fault_of(const json_t *webhook)
{
	const char *policy = json_member_text(webhook, "failurePolicy");
	const char *bundle = json_member_text(json_member(webhook, "clientConfig"), "caBundle");

	if (policy == NULL || strcmp(policy, "Fail") != 0)
		return "failurePolicy is not Fail: pods are created unsandboxed while no replica "
		       "answers";
	if (bundle == NULL || *bundle == '\0')
		return "caBundle is empty: the API server trusts no replica, and opted-in "
		       "namespaces get no pod";
	return NULL;
}

void check_webhooks(struct check_report *report, const char *kind, const json_t *configuration)
{
	const json_t *webhook =
		pod_find_named(json_member(configuration, "webhooks"), PODS_WEBHOOK);
	const char *fault = fault_of(webhook);

	if (webhook == NULL)
		check_add(
			report, CHECK_MISSING, kind,
			"install it: docs/install.md (deploy/webhook/admission.yaml, or the chart)",
			"the API server does not ask for pods: there is no webhook " PODS_WEBHOOK);
	else if (fault != NULL)
		check_add(report, CHECK_MISSING, kind,
			  "look at the log of the replica that leads (certificate.failed), or "
			  "install it anew",
			  "%s", fault);
	else
		check_add(report, CHECK_OK, kind, NULL, "it asks for pods, and fails closed");
}

static void put_expiry(struct check_report *report, const char *kind, int64_t expires_s,
		       int64_t now_s)
{
	struct tm day = { 0 };
	char date[16] = "?";
	int64_t left = (expires_s - now_s) / DAY_S;
	time_t expires = (time_t)expires_s;

	if (gmtime_r(&expires, &day) != NULL)
		strftime(date, sizeof(date), "%Y-%m-%d", &day);
	check_add(report, left < SOON_DAYS ? CHECK_NOTE : CHECK_OK, "certificate",
		  "renew it (docs/webhook.md), where nothing does so by itself",
		  "%s trusts what the Service serves, which expires on %s (%" PRId64 " days)", kind,
		  date, left);
}

void check_certificate(struct check_report *report, const char *kind,
		       const struct check_served *served, int64_t now_s)
{
	if (served->trust == CHECK_UNREACHED)
		check_add(report, CHECK_UNKNOWN, "certificate",
			  "ask where the webhook runs (kubectl exec), or say where the Service is "
			  "(--webhook-address)",
			  "the Service cannot be reached from here: %s", served->why);
	else if (served->trust == CHECK_UNTRUSTED)
		check_add(report, CHECK_MISSING, "certificate",
			  "look at the log of the replica that leads (certificate.failed), or put "
			  "the authority of your certificate into caBundle",
			  "%s does not trust what the Service serves: %s", kind, served->why);
	else
		put_expiry(report, kind, served->expires_s, now_s);
}

void check_replicas(struct check_report *report, const json_t *deployment)
{
	json_int_t wanted =
		json_integer_value(json_member(json_member(deployment, "spec"), "replicas"));
	json_int_t ready =
		json_integer_value(json_member(json_member(deployment, "status"), "readyReplicas"));

	if (deployment == NULL)
		check_add(report, CHECK_MISSING, "replicas", "install it: docs/install.md",
			  "the webhook's Deployment does not exist");
	else if (ready == 0)
		check_add(report, CHECK_MISSING, "replicas",
			  "kubectl describe its pods, and look at their log",
			  "none of %" JSON_INTEGER_FORMAT " is ready", wanted);
	else
		check_add(report, ready < wanted || ready == 1 ? CHECK_NOTE : CHECK_OK, "replicas",
			  "run two: while none answers no pod is created",
			  "%" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT " are ready", ready,
			  wanted);
}

/* What the label would have to be, where somebody meant it. */
static const char *meant_label(const struct namespace_facts *ns)
{
	const char *key;
	json_t *value;

	json_object_foreach(ns->labels, key, value)
	{
		if (strncmp(key, KEY_PREFIX, strlen(KEY_PREFIX)) == 0 ||
		    strstr(key, "openshell") != NULL)
			return key;
	}
	return NULL;
}

static void check_label(struct check_report *report, const struct webhook_config *config,
			const struct namespace_facts *ns)
{
	AUTO(buf_done) struct buf message = buf_init(MESSAGE_MAX);
	const char *injection = json_member_text(ns->labels, KEY_INJECTION);
	const char *meant = meant_label(ns);
	const struct choices none = { 0 };
	struct findings findings = { 0 };

	if (injection == NULL) {
		check_add(report, CHECK_MISSING, "label",
			  "kubectl label namespace NAME " KEY_INJECTION "=annotated (or =enabled)",
			  "%s%s",
			  meant != NULL ? "it is mistyped: " : "the namespace is not opted in",
			  meant != NULL ? meant : "");
		return;
	}
	topology_decide(ns, &none, config->default_topology, &findings);
	findings_message(&findings, &message);
	if (findings_denied(&findings))
		check_add(report, CHECK_MISSING, "label", "correct it: docs/annotations.md", "%s",
			  buf_text(&message));
	else
		check_add(report, CHECK_OK, "label", NULL, KEY_INJECTION "=%s", injection);
}

static void check_level(struct check_report *report, const struct namespace_facts *ns)
{
	const char *level = json_member_text(ns->labels, KEY_POD_SECURITY);

	if (level == NULL || strcmp(level, "privileged") == 0)
		check_add(report, CHECK_OK, "PodSecurity", NULL, "%s",
			  level != NULL ? level : "no level is enforced by label");
	else
		check_add(report, CHECK_MISSING, "PodSecurity",
			  "kubectl label namespace NAME --overwrite " KEY_POD_SECURITY
			  "=privileged",
			  "%s refuses the containers that build the sandbox (OSW045)", level);
}

void check_namespace(struct check_report *report, const struct webhook_config *config,
		     const struct namespace_facts *ns)
{
	if (ns == NULL) {
		check_add(report, CHECK_MISSING, "namespace", "kubectl create namespace NAME",
			  "it does not exist");
		return;
	}
	check_add(report, CHECK_OK, "namespace", NULL, "%s", ns->name);
	check_label(report, config, ns);
	check_level(report, ns);
}

void check_policy(struct check_report *report, const char *name, const char *by, const json_t *map)
{
	AUTO(buf_done) struct buf message = buf_init(MESSAGE_MAX);
	struct findings findings = { 0 };

	if (map == NULL && by == NULL) {
		check_add(report, CHECK_NOTE, "policy",
			  "create one, as in docs/policy.md, where pods need network",
			  "there is no %s: pods that name no policy reach nothing", name);
		return;
	}
	if (map == NULL) {
		check_add(report, CHECK_MISSING, "policy",
			  "create the ConfigMap: the container would end with status 125",
			  "%s, named by %s, does not exist", name, by);
		return;
	}
	AUTO(json_drop)
	json_t *labelled = json_pack("{s:{s:{s:s}}, s:O?}", "metadata", "labels", KEY_POLICY,
				     "true", "data", json_member(map, "data"));
	policy_map_check(labelled, &findings);
	findings_message(&findings, &message);
	if (findings_denied(&findings))
		check_add(report, CHECK_MISSING, "policy", "openshell-agent policy check FILE",
			  "%s: %s", name, buf_text(&message));
	else
		check_add(report, CHECK_OK, "policy", NULL, "%s is valid", name);
}

void check_default_policy(struct check_report *report, const json_t *map)
{
	if (map == NULL)
		check_add(report, CHECK_MISSING, "default policy",
			  "look at the log of the replica that leads (default_policy.failed)",
			  "the namespace has not been given the cluster's " NAME_DEFAULT_POLICY);
	else if (default_policy_is_ours(map))
		check_add(report, CHECK_OK, "default policy", NULL,
			  NAME_DEFAULT_POLICY " is the cluster's");
	else
		check_add(report, CHECK_NOTE, "default policy",
			  "kubectl delete configmap " NAME_DEFAULT_POLICY
			  " -n NAME, to have the cluster's",
			  "somebody else made " NAME_DEFAULT_POLICY
			  ": the cluster's is not in effect here");
}

/* Where pods get proxy-pod unasked, all of them wait in vain. */
static enum check_state state_of_open(const struct webhook_config *config,
				      const struct namespace_facts *ns)
{
	const struct choices none = { 0 };
	struct findings ignored = { 0 };

	return topology_decide(ns, &none, config->default_topology, &ignored) == TOPOLOGY_PROXY_POD
		       ? CHECK_MISSING
		       : CHECK_NOTE;
}

void check_network_policies(struct check_report *report, const struct webhook_config *config,
			    const struct namespace_facts *ns, const json_t *list)
{
	const json_t *items = json_member(list, "items");
	size_t open = 0;

	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *policy = json_array_get(items, i);
		const char *name = json_member_text(json_member(policy, "metadata"), "name");

		if (!pair_policy_opens(policy) || pair_policy_is_ours(policy))
			continue;
		if (++open <= OPEN_SHOWN_MAX)
			check_add(report, state_of_open(config, ns), "NetworkPolicy",
				  "add " PAIR_POLICY_EXPRESSION
				  " to its podSelector.matchExpressions",
				  "%s opens agent pods: no pod of topology proxy-pod is started "
				  "beside it (OSW105)",
				  name != NULL ? name : "one without a name");
	}
	if (open > OPEN_SHOWN_MAX)
		check_add(report, CHECK_NOTE, "NetworkPolicy", NULL, "so do %zu more",
			  open - OPEN_SHOWN_MAX);
	else if (open == 0)
		check_add(report, CHECK_OK, "NetworkPolicy", NULL, "none opens agent pods");
}

void check_other_policies(struct check_report *report, const struct other_policy *kind,
			  const struct namespace_facts *ns, const json_t *list)
{
	const json_t *items = json_member(list, "items");
	const char *more = json_member_text(json_member(list, "metadata"), "continue");
	size_t open = 0;

	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *policy = json_array_get(items, i);
		const char *name = json_member_text(json_member(policy, "metadata"), "name");

		if (!kind->opens(policy, ns))
			continue;
		if (++open <= OPEN_SHOWN_MAX)
			check_add(report, kind->is_certain ? CHECK_MISSING : CHECK_NOTE, kind->kind,
				  kind->next, "%s %s agent pods, whatever NetworkPolicies close",
				  name != NULL ? name : "one without a name",
				  kind->is_certain ? "opens" : "may open");
	}
	if (open > OPEN_SHOWN_MAX)
		check_add(report, CHECK_NOTE, kind->kind, NULL, "so do %zu more",
			  open - OPEN_SHOWN_MAX);
	if (more != NULL && *more != '\0')
		check_add(report, CHECK_UNKNOWN, kind->kind, "look at the others with kubectl",
			  "there are more than were looked at");
	else if (open == 0)
		check_add(report, CHECK_OK, kind->kind, NULL, "none opens agent pods");
}
