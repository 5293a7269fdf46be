/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/golden_pair.h"

#include <check.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "tests/unit/golden.h"
#include "tests/unit/golden_pod.h"
#include "tests/unit/webhook_fixture.h"
#include "webhook/pair_objects.h"

json_t *golden_pair_agent(const char *name)
{
	return golden_pod_of(GOLDEN_PAIRS, name);
}

static json_t *owner(const char *kind, json_t *name)
{
	return json_pack("[{s:s, s:s, s:O, s:s, s:b, s:b}]", "apiVersion", "apps/v1", "kind", kind,
			 "name", name, "uid", "r-1", "controller", 1, "blockOwnerDeletion", 1);
}

/* As the Deployment's controller makes one. */
static json_t *replica_set_of(json_t *deployment)
{
	json_t *meta = json_member(deployment, "metadata");
	json_t *template = json_deep_copy(json_member(json_member(deployment, "spec"), "template"));
	AUTO_FREE char *name = mem_printf("%s-5b8c", json_member_text(meta, "name"));

	json_object_set_new(json_member(json_member(template, "metadata"), "labels"),
			    "pod-template-hash", json_string("5b8c"));
	return json_pack("{s:s, s:s, s:{s:s, s:o}, s:{s:i, s:o}}", "apiVersion", "apps/v1", "kind",
			 "ReplicaSet", "metadata", "name", name, "ownerReferences",
			 owner("Deployment", json_member(meta, "name")), "spec", "replicas", 1,
			 "template", template);
}

/* As a ReplicaSet's controller makes one, and admission adds to it. */
static json_t *pod_of(const json_t *replica_set)
{
	json_t *name = json_member(json_member(replica_set, "metadata"), "name");
	json_t *template =
		json_deep_copy(json_member(json_member(replica_set, "spec"), "template"));
	json_t *meta = json_member(template, "metadata"), *spec = json_member(template, "spec");
	AUTO(json_drop)
	json_t *added =
		fixture_parse("{serviceAccountName: default, serviceAccount: default, priority: 0, "
			      "preemptionPolicy: PreemptLowerPriority}");
	json_t *tolerations = json_member(spec, "tolerations");
	AUTO(json_drop)
	json_t *defaults = fixture_parse(
		"[{key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, "
		"tolerationSeconds: 300}, {key: node.kubernetes.io/unreachable, operator: Exists, "
		"effect: NoExecute, tolerationSeconds: 300}]");

	json_object_set_new(meta, "generateName", json_sprintf("%s-", json_string_value(name)));
	json_object_set_new(meta, "ownerReferences", owner("ReplicaSet", name));
	json_object_update(spec, added);
	if (tolerations == NULL)
		json_object_set(spec, "tolerations", defaults);
	else
		json_array_extend(tolerations, defaults);
	return template;
}

static json_t *array_file(const char *path)
{
	AUTO(buf_done) struct buf text = buf_init(GOLDEN_TEXT_MAX);
	json_t *array = NULL;
	struct err err = { 0 };

	golden_read(path, &text);
	ck_assert_msg(json_parse(buf_slice(&text), &array, &err) == 0, "%s", err.msg);
	return array;
}

json_t *golden_pair_proxy(const char *name, const char *resource)
{
	AUTO_FREE char *path = mem_printf(GOLDEN_PAIRS "/%s/objects.json", name);
	AUTO(json_drop) json_t *objects = array_file(path);
	json_t *deployment = json_array_get(objects, PAIR_SUPERVISOR);
	AUTO(json_drop) json_t *replica_set = replica_set_of(deployment);

	if (strcmp(resource, "deployments") == 0)
		return json_incref(deployment);
	if (strcmp(resource, "replicasets") == 0)
		return json_incref(replica_set);
	return pod_of(replica_set);
}
