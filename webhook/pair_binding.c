/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/pair_binding.h"

#include <string.h>

#include "webhook/pair_names.h"

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
