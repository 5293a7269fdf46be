/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/pair_supervisor.h"

#include <string.h>

#include "lib/cleanup.h"
#include "webhook/choices.h"
#include "webhook/pair.h"
#include "webhook/pair_names.h"
#include "webhook/pair_proxy.h"
#include "webhook/pod.h"

bool pair_supervisor_is(const json_t *pod)
{
	const char *role = json_member_text(json_member(json_member(pod, "metadata"), "labels"),
					    KEY_SANDBOX_ROLE);

	return role != NULL && strcmp(role, PAIR_ROLE_SUPERVISOR) == 0;
}

static const char *name_or_null(const json_t *map, const char *key)
{
	const char *text = json_member_text(map, key);

	return text != NULL && choices_is_object_name(text) ? text : NULL;
}

const char *pair_supervisor_agent(const json_t *pod)
{
	return name_or_null(json_member(json_member(pod, "metadata"), "annotations"),
			    PAIR_KEY_NAME);
}

static const char *id_of(const json_t *pod)
{
	return name_or_null(json_member(json_member(pod, "metadata"), "labels"), KEY_SANDBOX_ID);
}

/* --- what it says of itself ------------------------------------------------------------------- */

static bool is_one_of(const char *text, const char *const names[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], text) == 0)
			return true;
	return false;
}

static void check_members(json_t *map, const char *what, const char *const names[], size_t n,
			  struct findings *findings)
{
	const char *key;
	json_t *value;

	json_object_foreach(map, key, value)
	{
		if (!is_one_of(key, names, n))
			findings_deny(findings, DENIAL_SUPERVISOR, "a proxy has no %s %.80s", what,
				      key);
	}
}

static void check_metadata(json_t *pod, struct findings *findings)
{
	/* As every object has them, then who makes it. */
	static const char *const members[] = {
		"name",           "generateName",  "namespace", "uid",         "creationTimestamp",
		"generation",     "managedFields", "labels",    "annotations", "resourceVersion",
		"ownerReferences"
	};
	/* The last one is the Deployment's controller's. */
	static const char *const labels[] = { KEY_SANDBOX_ROLE, KEY_SANDBOX_ID,
					      "pod-template-hash" };
	/* The last one tells that a LimitRange was asked. */
	static const char *const annotations[] = { PAIR_KEY_NAME, "kubernetes.io/limit-ranger" };
	json_t *meta = json_member(pod, "metadata");

	check_members(meta, "metadata", members, ARRAY_LEN(members), findings);
	check_members(json_member(meta, "labels"), "label", labels, ARRAY_LEN(labels), findings);
	check_members(json_member(meta, "annotations"), "annotation", annotations,
		      ARRAY_LEN(annotations), findings);
}

static bool is_text(const json_t *object, const char *key, const char *want)
{
	const char *text = json_member_text(object, key);

	return text != NULL && strcmp(text, want) == 0;
}

/* Whether `name` is what we call the proxy of `id`, or with `and_more`, that and a part that Kubernetes made up. */
static bool is_proxy_name(const char *name, const char *id, bool and_more)
{
	static const char prefix[] = PAIR_SUPERVISOR_PREFIX;
	size_t n = strlen(prefix), id_n = strlen(id);

	return name != NULL && strncmp(name, prefix, n) == 0 && strncmp(name + n, id, id_n) == 0 &&
	       name[n + id_n] == (and_more ? '-' : '\0');
}

static void check_owner(const json_t *object, bool is_pod, const char *id,
			struct findings *findings)
{
	const json_t *owners = json_member(json_member(object, "metadata"), "ownerReferences");
	const json_t *owner = json_array_get(owners, 0);

	if (json_array_size(owners) != 1 || !is_text(owner, "apiVersion", "apps/v1") ||
	    !is_text(owner, "kind", is_pod ? "ReplicaSet" : "Deployment") ||
	    !json_member_true(owner, "controller") ||
	    !is_proxy_name(json_member_text(owner, "name"), id, is_pod))
		findings_deny(findings, DENIAL_SUPERVISOR, "it is not of the %s that its id names",
			      is_pod ? "ReplicaSet" : "Deployment");
}

void pair_supervisor_check_claim(const json_t *object, json_t *pod, struct findings *findings)
{
	const char *id = id_of(pod);
	struct err err;

	if (pod_check(pod, &err) == -1) {
		findings_deny(findings, DENIAL_MALFORMED, "%s", err.msg);
		return;
	}
	check_metadata(pod, findings);
	if (id == NULL || pair_supervisor_agent(pod) == NULL)
		findings_deny(findings, DENIAL_SUPERVISOR, "it does not say whose proxy it is");
	else
		check_owner(object, object == pod, id, findings);
}

/* --- what it is ------------------------------------------------------------------------------- */

static bool is_any_text(const json_t *value)
{
	return json_is_string(value);
}

static bool is_any_integer(const json_t *value)
{
	return json_is_integer(value);
}

static bool is_default_account(const json_t *value)
{
	const char *text = json_string_value(value);

	return text != NULL && strcmp(text, "default") == 0;
}

/* They fetch the image, which is compared, and are nothing that the proxy sees. */
static bool are_pull_secrets(const json_t *value)
{
	for (size_t i = 0; i < json_array_size(value); i++)
		if (json_member_text(json_array_get(value, i), "name") == NULL)
			return false;
	return json_is_array(value);
}

/* What admission gives a pod that its template does not have. */
static const struct {
	const char *member;
	bool (*is_fine)(const json_t *value);
} added[] = {
	/* By the ServiceAccount of the namespace. Its token is not: automountServiceAccountToken is compared. */
	{ "serviceAccountName", is_default_account },
	{ "serviceAccount", is_default_account },
	{ "imagePullSecrets", are_pull_secrets },
	/* By the cluster's default PriorityClass. */
	{ "priorityClassName", is_any_text },
	{ "priority", is_any_integer },
	{ "preemptionPolicy", is_any_text },
};

static bool is_added(const char *member, const json_t *value)
{
	for (size_t i = 0; i < ARRAY_LEN(added); i++)
		if (strcmp(added[i].member, member) == 0)
			return added[i].is_fine(value);
	return false;
}

static bool has(const json_t *list, json_t *element)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_equal(json_array_get(list, i), element))
			return true;
	return false;
}

/* For how long a pod stays on a node that is lost, which the API server's settings say. */
static bool is_default_toleration(const json_t *toleration)
{
	return json_object_size(toleration) == 4 &&
	       (is_text(toleration, "key", "node.kubernetes.io/not-ready") ||
		is_text(toleration, "key", "node.kubernetes.io/unreachable")) &&
	       is_text(toleration, "operator", "Exists") &&
	       is_text(toleration, "effect", "NoExecute") &&
	       json_is_integer(json_member(toleration, "tolerationSeconds"));
}

static bool tolerations_match(const json_t *want, const json_t *have)
{
	if (!json_is_array(have) || json_array_size(have) > POD_LIST_MAX ||
	    json_array_size(want) > POD_LIST_MAX)
		return false;
	for (size_t i = 0; i < json_array_size(want); i++)
		if (!has(have, json_array_get(want, i)))
			return false;
	for (size_t i = 0; i < json_array_size(have); i++)
		if (!has(want, json_array_get(have, i)) &&
		    !is_default_toleration(json_array_get(have, i)))
			return false;
	return true;
}

/* A LimitRange gives amounts of what we do not ask for; a resource of a device would bring files of its own. */
static bool amounts_match(const json_t *want, json_t *have)
{
	const char *key;
	json_t *value;

	json_object_foreach(have, key, value)
	{
		const json_t *wanted = json_member(want, key);

		if (wanted != NULL ? !json_equal(wanted, value)
				   : strcmp(key, "ephemeral-storage") != 0)
			return false;
	}
	return json_object_size(have) >= json_object_size(want);
}

static bool resources_match(const json_t *want, const json_t *have)
{
	return json_object_size(have) == 2 &&
	       amounts_match(json_member(want, "requests"), json_member(have, "requests")) &&
	       amounts_match(json_member(want, "limits"), json_member(have, "limits"));
}

static bool container_matches(json_t *want, json_t *have)
{
	/* The second is what any pod gets, and says how its resources would be changed. */
	static const char *const apart[] = { "resources", "resizePolicy" };
	AUTO(json_drop) json_t *wanted = json_copy(want);
	AUTO(json_drop) json_t *had = json_copy(have);

	for (size_t i = 0; i < ARRAY_LEN(apart); i++) {
		json_object_del(wanted, apart[i]);
		json_object_del(had, apart[i]);
	}
	return json_equal(wanted, had) &&
	       resources_match(json_member(want, "resources"), json_member(have, "resources"));
}

static bool containers_match(const json_t *want, const json_t *have)
{
	return json_array_size(have) == 1 &&
	       container_matches(json_array_get(want, 0), json_array_get(have, 0));
}

static bool member_matches(const char *member, const json_t *want, const json_t *have)
{
	if (strcmp(member, "tolerations") == 0)
		return tolerations_match(want, have);
	if (strcmp(member, "containers") == 0)
		return containers_match(want, have);
	return want != NULL ? json_is_same(want, have) : is_added(member, have);
}

static void compare(json_t *want, json_t *have, struct findings *findings)
{
	const char *member;
	json_t *value;

	json_object_foreach(have, member, value)
	{
		if (!member_matches(member, json_member(want, member), value))
			findings_deny(findings, DENIAL_SUPERVISOR,
				      "its spec.%.80s is not what OpenShell makes", member);
	}
	json_object_foreach(want, member, value)
	{
		if (json_member(have, member) == NULL)
			findings_deny(findings, DENIAL_SUPERVISOR, "it has no spec.%.80s", member);
	}
}

void pair_supervisor_check(json_t *pod, json_t *agent, const struct namespace_facts *ns,
			   const struct webhook_config *config, struct findings *findings)
{
	AUTO(pair_done) struct pair pair = { 0 };
	struct err err;

	if (pod_check(agent, &err) == -1 || pair_read_pod(agent, ns, config, &pair, &err) == -1) {
		findings_deny(findings, DENIAL_SUPERVISOR, "the pod that it names: %.200s",
			      err.msg);
		return;
	}
	if (strcmp(pair.uid, id_of(pod)) != 0) {
		findings_deny(findings, DENIAL_SUPERVISOR,
			      "the pod '%.63s', which it names, has another UID", pair.name);
		return;
	}
	AUTO(json_drop) json_t *want = pair_proxy_spec(&pair, config);
	compare(want, json_member(pod, "spec"), findings);
}
