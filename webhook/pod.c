/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/pod.h"

#include <string.h>

#include "lib/cleanup.h"
#include "webhook/fields.h"
#include "webhook/names.h"

#define PROBE_FIELDS(probe)                                               \
	{ probe, FIELD_OBJECT }, { probe ".exec.command[]", FIELD_TEXT }, \
		{ probe ".httpGet.host", FIELD_TEXT },                    \
	{                                                                 \
		probe ".tcpSocket.host", FIELD_TEXT                       \
	}

#define CONTAINER_FIELDS(list)                                                              \
	{ "spec." list "[]", FIELD_OBJECT }, { "spec." list "[].name", FIELD_TEXT },        \
		{ "spec." list "[].command[]", FIELD_TEXT },                                \
		{ "spec." list "[].args[]", FIELD_TEXT },                                   \
		{ "spec." list "[].workingDir", FIELD_TEXT },                               \
		{ "spec." list "[].terminationMessagePath", FIELD_TEXT },                   \
		{ "spec." list "[].env[].name", FIELD_TEXT },                               \
		{ "spec." list "[].envFrom[].prefix", FIELD_TEXT },                         \
		{ "spec." list "[].ports[]", FIELD_OBJECT },                                \
		{ "spec." list "[].ports[].hostPort", FIELD_INT },                          \
		{ "spec." list "[].volumeDevices[]", FIELD_OBJECT },                        \
		{ "spec." list "[].volumeMounts[]", FIELD_OBJECT },                         \
		{ "spec." list "[].volumeMounts[].name", FIELD_TEXT },                      \
		{ "spec." list "[].volumeMounts[].mountPath", FIELD_TEXT },                 \
		{ "spec." list "[].volumeMounts[].readOnly", FIELD_BOOL },                  \
		{ "spec." list "[].volumeMounts[].mountPropagation", FIELD_TEXT },          \
		{ "spec." list "[].restartPolicy", FIELD_TEXT },                            \
		PROBE_FIELDS("spec." list "[].livenessProbe"),                              \
		PROBE_FIELDS("spec." list "[].readinessProbe"),                             \
		PROBE_FIELDS("spec." list "[].startupProbe"),                               \
		PROBE_FIELDS("spec." list "[].lifecycle.postStart"),                        \
		PROBE_FIELDS("spec." list "[].lifecycle.preStop"),                          \
		{ "spec." list "[].securityContext.privileged", FIELD_BOOL },               \
		{ "spec." list "[].securityContext.runAsUser", FIELD_INT },                 \
		{ "spec." list "[].securityContext.runAsGroup", FIELD_INT },                \
		{ "spec." list "[].securityContext.procMount", FIELD_TEXT },                \
		{ "spec." list "[].securityContext.capabilities.add[]", FIELD_TEXT },       \
		{ "spec." list "[].securityContext.capabilities.drop[]", FIELD_TEXT },      \
		{ "spec." list "[].securityContext.allowPrivilegeEscalation", FIELD_BOOL }, \
	{                                                                                   \
		"spec." list "[].securityContext.seccompProfile.type", FIELD_TEXT           \
	}

static const struct field fields[] = {
	{ "metadata.name", FIELD_TEXT },
	{ "metadata.generateName", FIELD_TEXT },
	{ "metadata.labels{}", FIELD_TEXT },
	{ "metadata.annotations{}", FIELD_TEXT },
	{ "spec", FIELD_OBJECT },
	{ "spec.hostNetwork", FIELD_BOOL },
	{ "spec.hostPID", FIELD_BOOL },
	{ "spec.hostIPC", FIELD_BOOL },
	{ "spec.hostUsers", FIELD_BOOL },
	{ "spec.shareProcessNamespace", FIELD_BOOL },
	{ "spec.automountServiceAccountToken", FIELD_BOOL },
	{ "spec.runtimeClassName", FIELD_TEXT },
	{ "spec.os.name", FIELD_TEXT },
	{ "spec.nodeSelector{}", FIELD_TEXT },
	{ "spec.securityContext.runAsUser", FIELD_INT },
	{ "spec.securityContext.runAsGroup", FIELD_INT },
	{ "spec.securityContext.fsGroup", FIELD_INT },
	{ "spec.securityContext.supplementalGroups[]", FIELD_INT },
	{ "spec.securityContext.seccompProfile.type", FIELD_TEXT },
	{ "spec.volumes[]", FIELD_OBJECT },
	{ "spec.volumes[].name", FIELD_TEXT },
	{ "spec.volumes[].hostPath", FIELD_OBJECT },
	{ "spec.volumes[].hostPath.path", FIELD_TEXT },
	CONTAINER_FIELDS("containers"),
	CONTAINER_FIELDS("initContainers"),
	{ "spec.ephemeralContainers[]", FIELD_OBJECT },
	{ "spec.ephemeralContainers[].name", FIELD_TEXT },
};

/* Lists whose elements are looked up by name. */
static const char *const named_lists[] = { "containers", "initContainers", "ephemeralContainers",
					   "volumes" };

static int check_list(const json_t *list, const char *where, struct err *err)
{
	if (json_array_size(list) > POD_LIST_MAX)
		return err_set(err, ERR_LIMIT, "%s has more than %d elements", where, POD_LIST_MAX);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *element = json_array_get(list, i);
		const char *name = json_member_text(element, "name");

		if (name == NULL || *name == '\0')
			return err_set(err, ERR_INVALID, "%s[%zu].name is missing", where, i);
		if (json_array_size(json_member(element, "volumeMounts")) > POD_LIST_MAX)
			return err_set(err, ERR_LIMIT,
				       "%s[%zu].volumeMounts has more than %d elements", where, i,
				       POD_LIST_MAX);
	}
	return 0;
}

static int check_mounts(const json_t *containers, const char *where, struct err *err)
{
	for (size_t i = 0; i < json_array_size(containers); i++) {
		const json_t *mounts = json_member(json_array_get(containers, i), "volumeMounts");

		for (size_t k = 0; k < json_array_size(mounts); k++) {
			const json_t *mount = json_array_get(mounts, k);

			if (json_member_text(mount, "name") == NULL ||
			    json_member_text(mount, "mountPath") == NULL)
				return err_set(err, ERR_INVALID,
					       "%s[%zu].volumeMounts[%zu] lacks name or mountPath",
					       where, i, k);
		}
	}
	return 0;
}

int pod_check(json_t *pod, struct err *err)
{
	if (pod == NULL || !json_is_object(pod))
		return err_set(err, ERR_INVALID, "there is no pod");
	if (fields_check(pod, fields, ARRAY_LEN(fields), err) == -1)
		return -1;
	const json_t *spec = json_member(pod, "spec");
	if (json_array_size(json_member(spec, "containers")) == 0)
		return err_set(err, ERR_INVALID, "spec.containers is empty");
	for (size_t i = 0; i < ARRAY_LEN(named_lists); i++)
		if (check_list(json_member(spec, named_lists[i]), named_lists[i], err) == -1)
			return err_wrap(err, "spec");
	if (check_mounts(json_member(spec, "containers"), "containers", err) == -1 ||
	    check_mounts(json_member(spec, "initContainers"), "initContainers", err) == -1)
		return err_wrap(err, "spec");
	return 0;
}

const char *pod_name_of(const json_t *named)
{
	return json_member_text(named, "name");
}

const json_t *pod_find_named(const json_t *list, const char *name)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *own = json_member_text(json_array_get(list, i), "name");

		if (own != NULL && strcmp(own, name) == 0)
			return json_array_get(list, i);
	}
	return NULL;
}

bool pod_has_container(const json_t *spec, const char *name)
{
	return pod_find_named(json_member(spec, "containers"), name) != NULL ||
	       pod_find_named(json_member(spec, "initContainers"), name) != NULL;
}

bool pod_name_is_ours(const char *name)
{
	return strncmp(name, NAME_RESERVED_PREFIX, strlen(NAME_RESERVED_PREFIX)) == 0;
}

static bool has_ours(const json_t *containers)
{
	for (size_t i = 0; i < json_array_size(containers); i++)
		if (pod_name_is_ours(pod_name_of(json_array_get(containers, i))))
			return true;
	return false;
}

bool pod_is_sandboxed(const json_t *pod)
{
	const json_t *spec = json_member(pod, "spec");

	return has_ours(json_member(spec, "initContainers")) ||
	       has_ours(json_member(spec, "containers"));
}

const json_t *pod_controller(const json_t *pod)
{
	const json_t *owners = json_member(json_member(pod, "metadata"), "ownerReferences");

	for (size_t i = 0; i < json_array_size(owners); i++)
		if (json_member_true(json_array_get(owners, i), "controller"))
			return json_array_get(owners, i);
	return NULL;
}
