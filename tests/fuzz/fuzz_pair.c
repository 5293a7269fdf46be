/* SPDX-License-Identifier: Apache-2.0 */
/* Any JSON as what tenants write beside topology proxy-pod. What must hold: a pod that is taken for the proxy of an
 * agent pod starts our image alone, with none of the node's namespaces and no token; a NetworkPolicy that is said to open
 * no agent pod has no rule, or selects none by another reading of its selector; and nothing is its own binding. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/keys.h"
#include "webhook/pair_binding.h"
#include "webhook/pair_policy.h"
#include "webhook/pair_supervisor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define IMAGE "registry.example/openshell/agent:1.0.0"

/* That of tests/golden/pair/minimal. */
static const char agent_text[] =
	"{\"metadata\":{\"name\":\"web-7d9c5b6f4-x2x7k\",\"namespace\":\"shop\",\"uid\":"
	"\"0d6a2c0e-5f0b-4a51-9a6e-3f1f5a4b7c01\",\"creationTimestamp\":\"2026-01-02T03:04:05Z\","
	"\"labels\":{\"openshell.io/sandbox-role\":\"agent\"},\"annotations\":{"
	"\"openshell.io/topology\":\"proxy-pod\"}},\"spec\":{\"containers\":[{\"name\":\"web\","
	"\"image\":\"web\"}]}}";

static const struct webhook_config config = { .agent_image = IMAGE,
					      .proxy_pod_api = "10.96.0.1:443" };
static const struct namespace_facts ns = { .name = "shop" };

static void require(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static bool is_same_text(const json_t *object, const char *key, const char *want)
{
	const char *text = json_member_text(object, key);

	return text != NULL && strcmp(text, want) == 0;
}

static void as_proxy(json_t *pod)
{
	AUTO(json_drop) json_t *agent = NULL;
	struct findings findings = { 0 };
	struct err err;

	pair_supervisor_check_claim(pod, pod, &findings);
	if (!pair_supervisor_is(pod) || findings_denied(&findings))
		return;
	require(json_parse(slice_text(agent_text), &agent, &err) == 0, "the agent pod");
	pair_supervisor_check(pod, agent, &ns, &config, &findings);
	if (findings_denied(&findings))
		return;
	const json_t *spec = json_member(pod, "spec");
	const json_t *containers = json_member(spec, "containers");
	const json_t *container = json_array_get(containers, 0);
	const json_t *security = json_member(container, "securityContext");
	require(json_array_size(containers) == 1 &&
			json_array_size(json_member(spec, "initContainers")) == 0 &&
			json_array_size(json_member(spec, "ephemeralContainers")) == 0,
		"another container");
	require(is_same_text(container, "image", IMAGE) && json_member(container, "args") == NULL &&
			json_member(container, "env") == NULL &&
			json_member(container, "lifecycle") == NULL,
		"another program");
	require(json_member(spec, "hostNetwork") == NULL && json_member(spec, "hostPID") == NULL &&
			json_member(spec, "hostIPC") == NULL &&
			json_is_false(json_member(spec, "automountServiceAccountToken")) &&
			json_is_false(json_member(security, "allowPrivilegeEscalation")) &&
			json_member(json_member(security, "capabilities"), "add") == NULL,
		"a privilege");
}

/* Whether a pod with role `agent`, and the label app=web or not, is what the expression asks for, by the definition of
 * each operator. */
static bool is_met(const json_t *expression, bool has_app)
{
	const char *operator= json_member_text(expression, "operator");
	const json_t *values = json_member(expression, "values");
	const char *have = NULL;
	bool listed = false;

	if (is_same_text(expression, "key", KEY_SANDBOX_ROLE))
		have = "agent";
	else if (is_same_text(expression, "key", "app") && has_app)
		have = "web";
	for (size_t i = 0; have != NULL && i < json_array_size(values); i++) {
		const char *value = json_string_value(json_array_get(values, i));

		listed |= value != NULL && strcmp(value, have) == 0;
	}
	if (operator== NULL)
		return true;
	if (strcmp(operator, "In") == 0)
		return listed;
	if (strcmp(operator, "NotIn") == 0)
		return !listed;
	if (strcmp(operator, "Exists") == 0)
		return have != NULL;
	return strcmp(operator, "DoesNotExist") != 0 || have == NULL;
}

static bool selects(const json_t *selector, bool has_app)
{
	json_t *labels = json_member(selector, "matchLabels");
	const json_t *expressions = json_member(selector, "matchExpressions");
	const char *key;
	json_t *value;

	json_object_foreach(labels, key, value)
	{
		const char *have = strcmp(key, KEY_SANDBOX_ROLE) == 0   ? "agent"
				   : strcmp(key, "app") == 0 && has_app ? "web"
									: NULL;

		if (have == NULL || !json_is_string(value) ||
		    strcmp(json_string_value(value), have) != 0)
			return false;
	}
	for (size_t i = 0; i < json_array_size(expressions); i++)
		if (!is_met(json_array_get(expressions, i), has_app))
			return false;
	return true;
}

static void as_policy(const json_t *policy)
{
	const json_t *spec = json_member(policy, "spec");
	const json_t *selector = json_member(spec, "podSelector");

	pair_policy_is_ours(policy);
	if (pair_policy_opens(policy))
		return;
	require((json_array_size(json_member(spec, "egress")) == 0 &&
		 json_array_size(json_member(spec, "ingress")) == 0) ||
			(!selects(selector, false) && !selects(selector, true)),
		"a policy that opens agent pods");
}

static void as_update(json_t *value)
{
	const json_t *before = json_array_get(value, 0), *after = json_array_get(value, 1);

	require(!pair_binding_is_made(value, value), "a pod is its own binding");
	if (pair_binding_is_made(before, after))
		require(!pair_binding_is_made(after, before), "a binding that goes both ways");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(json_drop) json_t *value = NULL;
	struct err err = { 0 };

	if (json_parse((struct slice){ data, size }, &value, &err) == -1)
		return 0;
	as_proxy(value);
	as_policy(value);
	as_update(value);
	return 0;
}
