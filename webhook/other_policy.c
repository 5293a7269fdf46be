/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/other_policy.h"

#include <string.h>

#include "lib/cleanup.h"
#include "webhook/pair_policy.h"
#include "webhook/selector.h"

static const char *const directions[] = { "ingress", "egress" };

/* A rule with one of the actions, in either direction. */
static bool has_action(const json_t *spec, const char *action)
{
	for (size_t i = 0; i < ARRAY_LEN(directions); i++) {
		const json_t *rules = json_member(spec, directions[i]);

		for (size_t k = 0; k < json_array_size(rules); k++) {
			const char *one = json_member_text(json_array_get(rules, k), "action");

			if (one == NULL || strcmp(one, action) == 0)
				return true;
		}
	}
	return false;
}

/* --- the Network Policy API ------------------------------------------------------------------- */

static bool subject_takes(const json_t *spec, const struct namespace_facts *ns)
{
	const json_t *subject = json_member(spec, "subject");
	const json_t *pods = json_member(subject, "pods");
	const json_t *namespaces = pods != NULL ? json_member(pods, "namespaceSelector")
						: json_member(subject, "namespaces");

	return selector_takes(namespaces, ns->labels) &&
	       (pods == NULL || pair_policy_may_select(json_member(pods, "podSelector")));
}

static bool admin_opens(const json_t *policy, const struct namespace_facts *ns)
{
	const json_t *spec = json_member(policy, "spec");

	return has_action(spec, "Allow") && subject_takes(spec, ns);
}

/* In tier Baseline nothing is decided for pods that a NetworkPolicy selects, as ours does with all agent pods. */
static bool cluster_opens(const json_t *policy, const struct namespace_facts *ns)
{
	const json_t *spec = json_member(policy, "spec");
	const char *tier = json_member_text(spec, "tier");

	return (tier == NULL || strcmp(tier, "Baseline") != 0) && has_action(spec, "Accept") &&
	       subject_takes(spec, ns);
}

/* --- Cilium ----------------------------------------------------------------------------------- */

static const char *without_source(const char *key)
{
	static const char *const sources[] = { "k8s:", "any:" };

	for (size_t i = 0; i < ARRAY_LEN(sources); i++)
		if (strncmp(key, sources[i], strlen(sources[i])) == 0)
			return key + strlen(sources[i]);
	return key;
}

/* As Kubernetes writes it: keys may say where their labels come from. */
static json_t *plain_selector(const json_t *selector)
{
	json_t *wanted = json_member(selector, "matchLabels");
	const json_t *expressions = json_member(selector, "matchExpressions");
	json_t *labels = json_object(), *list = json_array();
	const char *key;
	json_t *value;

	json_object_foreach(wanted, key, value)
	{
		json_object_set(labels, without_source(key), value);
	}
	for (size_t i = 0; i < json_array_size(expressions); i++) {
		json_t *one = json_deep_copy(json_array_get(expressions, i));
		const char *of = json_member_text(one, "key");

		if (of != NULL)
			json_object_set_new(one, "key", json_string(without_source(of)));
		json_array_append_new(list, one);
	}
	return json_pack("{s:o, s:o}", "matchLabels", labels, "matchExpressions", list);
}

static bool cilium_rule_opens(const json_t *rule)
{
	AUTO(json_drop) json_t *selector = plain_selector(json_member(rule, "endpointSelector"));
	bool has_rules = json_array_size(json_member(rule, "ingress")) > 0 ||
			 json_array_size(json_member(rule, "egress")) > 0;

	return has_rules && json_member(rule, "nodeSelector") == NULL &&
	       pair_policy_may_select(selector);
}

static bool cilium_opens(const json_t *policy, const struct namespace_facts *ns)
{
	const json_t *specs = json_member(policy, "specs");

	(void)ns;
	if (cilium_rule_opens(json_member(policy, "spec")))
		return true;
	for (size_t i = 0; i < json_array_size(specs); i++)
		if (cilium_rule_opens(json_array_get(specs, i)))
			return true;
	return false;
}

/* --- Calico ----------------------------------------------------------------------------------- */

/* One of its conjuncts, as it is written below; whatever has alternatives or is grouped is not looked into. */
static bool rules_out_agents(const char *selector)
{
	static const char *const written[] = {
		"openshell.io/sandbox-role != 'agent'",
		"openshell.io/sandbox-role != \"agent\"",
	};

	if (strpbrk(selector, "|(") != NULL)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(written); i++) {
		const char *at = strstr(selector, written[i]);
		size_t n = strlen(written[i]);

		if (at == NULL)
			continue;
		const char *after = at + n + strspn(at + n, " ");
		while (at > selector && at[-1] == ' ')
			at--;
		if ((at == selector || at[-1] == '&') && (*after == '\0' || *after == '&'))
			return true;
	}
	return false;
}

/* What Calico shows of Kubernetes' own policies is judged as those. */
static bool is_kubernetes_own(const json_t *policy)
{
	static const char prefix[] = "knp.";
	const char *name = json_member_text(json_member(policy, "metadata"), "name");

	return name != NULL && strncmp(name, prefix, strlen(prefix)) == 0;
}

static bool calico_opens(const json_t *policy, const struct namespace_facts *ns)
{
	const json_t *spec = json_member(policy, "spec");
	const char *selector = json_member_text(spec, "selector");

	(void)ns;
	return !is_kubernetes_own(policy) && has_action(spec, "Allow") &&
	       (selector == NULL || !rules_out_agents(selector));
}

/* --- all of them ------------------------------------------------------------------------------ */

/* Its API server's group, and the one that it keeps its objects in. */
#define CALICO "projectcalico.org", "crd.projectcalico.org"

#define NEXT_SUBJECT                                         \
	"give its subject pods with " PAIR_POLICY_EXPRESSION \
	" in podSelector.matchExpressions, or have it leave the namespace out"
#define NEXT_CILIUM                                                          \
	"look whether it selects agent pods, or add " PAIR_POLICY_EXPRESSION \
	" to its endpointSelector.matchExpressions"
#define NEXT_CALICO                                                                \
	"look whether it selects agent pods, or add && openshell.io/sandbox-role " \
	"!= 'agent' to its selector"

/* BaselineAdminNetworkPolicies decide nothing for pods that a NetworkPolicy selects. */
const struct other_policy other_policies[OTHER_POLICIES] = {
	{ "AdminNetworkPolicy", "policy.networking.k8s.io", NULL, "adminnetworkpolicies",
	  admin_opens, NEXT_SUBJECT, false, true },
	{ "ClusterNetworkPolicy", "policy.networking.k8s.io", NULL, "clusternetworkpolicies",
	  cluster_opens, NEXT_SUBJECT, false, true },
	{ "CiliumNetworkPolicy", "cilium.io", NULL, "ciliumnetworkpolicies", cilium_opens,
	  NEXT_CILIUM, true, false },
	{ "CiliumClusterwideNetworkPolicy", "cilium.io", NULL, "ciliumclusterwidenetworkpolicies",
	  cilium_opens, NEXT_CILIUM, false, false },
	{ "Calico NetworkPolicy", CALICO, "networkpolicies", calico_opens, NEXT_CALICO, true,
	  false },
	{ "GlobalNetworkPolicy", CALICO, "globalnetworkpolicies", calico_opens, NEXT_CALICO, false,
	  false },
};
