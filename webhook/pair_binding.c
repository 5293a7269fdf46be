/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/pair_binding.h"

#include <string.h>

#include "lib/cleanup.h"
#include "webhook/pair_names.h"
#include "webhook/pod.h"

/* An id that is not the pod's own is nothing that the controller wrote. */
static bool is_bound(const json_t *meta)
{
	const json_t *labels = json_member(meta, "labels");
	const json_t *annotations = json_member(meta, "annotations");
	const char *role = json_member_text(labels, KEY_SANDBOX_ROLE);
	const json_t *id = json_member(labels, KEY_SANDBOX_ID);

	return role != NULL && strcmp(role, PAIR_ROLE_AGENT) == 0 && id != NULL &&
	       json_is_same(id, json_member(meta, "uid")) &&
	       json_member(annotations, KEY_PROXY_URL) != NULL &&
	       json_member(annotations, KEY_PROXY_CA) != NULL;
}

static json_t *with_gate(const json_t *gates)
{
	json_t *all = json_array();

	for (size_t i = 0; i < json_array_size(gates); i++)
		json_array_append(all, json_array_get(gates, i));
	json_array_append_new(all, json_pack("{s:s}", "name", PAIR_GATE));
	return all;
}

json_t *pair_binding_undo(json_t *pod)
{
	if (!is_bound(json_member(pod, "metadata")))
		return json_incref(pod);
	json_t *before = json_deep_copy(pod);
	json_t *meta = json_member(before, "metadata"), *spec = json_member(before, "spec");

	json_object_del(json_member(meta, "labels"), KEY_SANDBOX_ID);
	json_object_del(json_member(meta, "annotations"), KEY_PROXY_URL);
	json_object_del(json_member(meta, "annotations"), KEY_PROXY_CA);
	json_object_del(spec, "nodeName");
	json_object_set_new(spec, "schedulingGates",
			    with_gate(json_member(spec, "schedulingGates")));
	return before;
}

static bool has_gate(const json_t *pod)
{
	return pod_find_named(json_member(json_member(pod, "spec"), "schedulingGates"),
			      PAIR_GATE) != NULL;
}

/* What is empty then would be absent. */
static void remove_members(json_t *object, const char *key, const char *const members[], size_t n)
{
	json_t *map = json_member(object, key);

	for (size_t i = 0; i < n; i++)
		json_object_del(map, members[i]);
	if (json_object_size(map) == 0)
		json_object_del(object, key);
}

static void remove_gate(json_t *spec)
{
	json_t *gates = json_member(spec, "schedulingGates");

	for (size_t i = json_array_size(gates); i > 0; i--) {
		const char *name = json_member_text(json_array_get(gates, i - 1), "name");

		if (name != NULL && strcmp(name, PAIR_GATE) == 0)
			json_array_remove(gates, i - 1);
	}
	if (json_array_size(gates) == 0)
		json_object_del(spec, "schedulingGates");
}

/* What must be the same before and after. */
static json_t *without_binding(const json_t *pod)
{
	static const char *const labels[] = { KEY_SANDBOX_ID };
	static const char *const annotations[] = { KEY_PROXY_URL, KEY_PROXY_CA };
	static const char *const affinity[] = { "nodeAffinity" };
	/* Each write changes these. */
	static const char *const written[] = { "managedFields", "generation", "resourceVersion" };
	json_t *bare = json_deep_copy(pod);
	json_t *meta = json_member(bare, "metadata"), *spec = json_member(bare, "spec");

	remove_members(bare, "metadata", written, ARRAY_LEN(written));
	remove_members(meta, "labels", labels, ARRAY_LEN(labels));
	remove_members(meta, "annotations", annotations, ARRAY_LEN(annotations));
	remove_members(spec, "affinity", affinity, ARRAY_LEN(affinity));
	remove_gate(spec);
	json_object_del(bare, "status");
	return bare;
}

static bool is_free(const json_t *meta)
{
	const json_t *annotations = json_member(meta, "annotations");

	return json_member(json_member(meta, "labels"), KEY_SANDBOX_ID) == NULL &&
	       json_member(annotations, KEY_PROXY_URL) == NULL &&
	       json_member(annotations, KEY_PROXY_CA) == NULL;
}

bool pair_binding_is_made(const json_t *before, const json_t *after)
{
	if (!is_free(json_member(before, "metadata")) || !has_gate(before) ||
	    !is_bound(json_member(after, "metadata")) || has_gate(after))
		return false;
	AUTO(json_drop) json_t *was = without_binding(before);
	AUTO(json_drop) json_t *is = without_binding(after);
	return json_equal(was, is);
}
