/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/refusals.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "webhook/names.h"
#include "webhook/paths.h"
#include "webhook/pod.h"

static const struct {
	const char *field;
	enum denial denial;
} node_namespaces[] = {
	{ "hostNetwork", DENIAL_HOST_NETWORK },
	{ "hostPID", DENIAL_HOST_PID },
	{ "hostIPC", DENIAL_HOST_IPC },
};

/* How a mesh is recognised: what it adds, and what asks it to. A NULL value stands for any. */
static const struct mesh_sign {
	const char *map; /* of metadata; NULL: a container's name */
	const char *key, *value;
	const char *unless; /* a label: where it is "false", the mesh leaves the pod alone */
} mesh_signs[] = {
	{ NULL, "istio-proxy", NULL, NULL },
	{ NULL, "istio-init", NULL, NULL },
	{ NULL, "istio-validation", NULL, NULL },
	{ NULL, "linkerd-proxy", NULL, NULL },
	{ NULL, "linkerd-init", NULL, NULL },
	{ NULL, "linkerd-network-validator", NULL, NULL },
	{ NULL, "consul-dataplane", NULL, NULL },
	{ NULL, "consul-connect-inject-init", NULL, NULL },
	{ NULL, "kuma-sidecar", NULL, NULL },
	{ NULL, "kuma-init", NULL, NULL },
	{ "annotations", "sidecar.istio.io/status", NULL, NULL },
	{ "annotations", "sidecar.istio.io/inject", "true", NULL },
	{ "labels", "sidecar.istio.io/inject", "true", NULL },
	{ "labels", "istio.io/rev", NULL, "sidecar.istio.io/inject" },
	{ "labels", "istio.io/dataplane-mode", "ambient", NULL },
	{ "labels", "linkerd.io/control-plane-ns", NULL, NULL },
	{ "annotations", "linkerd.io/proxy-version", NULL, NULL },
	{ "annotations", "linkerd.io/inject", "enabled", NULL },
	{ "annotations", "linkerd.io/inject", "ingress", NULL },
	{ "annotations", "consul.hashicorp.com/connect-inject", "true", NULL },
	{ "annotations", "consul.hashicorp.com/connect-inject-status", NULL, NULL },
	{ "labels", "kuma.io/sidecar-injection", "enabled", NULL },
	{ "annotations", "kuma.io/sidecar-injected", "true", NULL },
	{ "annotations", "openservicemesh.io/sidecar-injection", "enabled", NULL },
	{ "annotations", "appmesh.k8s.aws/sidecarInjectorWebhook", "enabled", NULL },
};

/* What a hostPath may neither be, be in, nor contain: the node's system and the means to rule it. */
static const char *const node_paths[] = {
	"/proc",
	"/sys",
	"/dev",
	"/boot",
	"/etc",
	"/root",
	"/run",
	"/var/run",
	"/var/lib/kubelet",
	"/var/lib/containerd",
	"/var/lib/containers",
	"/var/lib/docker",
	"/var/lib/etcd",
	"/var/log",
};

static bool is_switched_off(const json_t *meta, const struct mesh_sign *sign)
{
	const char *value = sign->unless != NULL
				    ? json_member_text(json_member(meta, "labels"), sign->unless)
				    : NULL;

	return value != NULL && strcmp(value, "false") == 0;
}

static void refuse_mesh(const json_t *pod, struct findings *findings)
{
	const json_t *spec = json_member(pod, "spec");
	const json_t *meta = json_member(pod, "metadata");

	for (size_t i = 0; i < ARRAY_LEN(mesh_signs); i++) {
		const struct mesh_sign *sign = &mesh_signs[i];

		if (sign->map == NULL) {
			if (pod_has_container(spec, sign->key))
				findings_deny(findings, DENIAL_MESH,
					      "the pod has the container '%s'", sign->key);
			continue;
		}
		const char *value = json_member_text(json_member(meta, sign->map), sign->key);
		if (value != NULL && (sign->value == NULL || strcmp(value, sign->value) == 0) &&
		    !is_switched_off(meta, sign))
			findings_deny(findings, DENIAL_MESH, "the pod has %s '%.40s' in its %s",
				      sign->key, value, sign->map);
	}
}

static bool is_windows(const json_t *spec)
{
	const char *os = json_member_text(json_member(spec, "os"), "name");
	const char *selected =
		json_member_text(json_member(spec, "nodeSelector"), "kubernetes.io/os");

	if (os != NULL && strcmp(os, "linux") != 0)
		return true;
	if (selected != NULL && strcmp(selected, "linux") != 0)
		return true;
	if (json_member(json_member(spec, "securityContext"), "windowsOptions") != NULL)
		return true;
	return false;
}

static bool is_mounted_writable(const json_t *spec, const char *list, const char *volume)
{
	const json_t *containers = json_member(spec, list);

	for (size_t i = 0; i < json_array_size(containers); i++) {
		const json_t *mounts = json_member(json_array_get(containers, i), "volumeMounts");

		for (size_t k = 0; k < json_array_size(mounts); k++) {
			const json_t *mount = json_array_get(mounts, k);

			if (strcmp(pod_name_of(mount), volume) == 0 &&
			    !json_member_true(mount, "readOnly"))
				return true;
		}
	}
	return false;
}

static void refuse_host_path(const json_t *spec, const json_t *volume, struct findings *findings)
{
	const json_t *source = json_member(volume, "hostPath");
	const char *path = json_member_text(source, "path");
	const char *name = pod_name_of(volume);

	if (source == NULL)
		return;
	if (path == NULL || !path_is_plain(path)) {
		findings_deny(findings, DENIAL_HOST_PATH,
			      "volume '%.63s' has no plain absolute hostPath", name);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(node_paths); i++) {
		if (!path_conflicts(path, node_paths[i]))
			continue;
		findings_deny(findings, DENIAL_HOST_PATH, "volume '%.63s' shows the node's '%.80s'",
			      name, path);
		return;
	}
	if (is_mounted_writable(spec, "containers", name) ||
	    is_mounted_writable(spec, "initContainers", name))
		findings_deny(findings, DENIAL_HOST_PATH,
			      "volume '%.63s' makes the node's '%.80s' writable", name, path);
}

void refuse_pod(const json_t *pod, struct findings *findings)
{
	const json_t *spec = json_member(pod, "spec");
	const json_t *volumes = json_member(spec, "volumes");

	for (size_t i = 0; i < ARRAY_LEN(node_namespaces); i++)
		if (json_member_true(spec, node_namespaces[i].field))
			findings_deny(findings, node_namespaces[i].denial, "pod uses %s",
				      node_namespaces[i].field);
	if (is_windows(spec))
		findings_deny(findings, DENIAL_WINDOWS, "pod is not for Linux");
	if (json_array_size(json_member(spec, "ephemeralContainers")) > 0)
		findings_deny(findings, DENIAL_EPHEMERAL_CONTAINER, "pod has ephemeral containers");
	refuse_mesh(pod, findings);
	for (size_t i = 0; i < json_array_size(volumes); i++)
		refuse_host_path(spec, json_array_get(volumes, i), findings);
}

static void refuse_mounts(const json_t *container, struct findings *findings)
{
	const json_t *mounts = json_member(container, "volumeMounts");
	const char *name = pod_name_of(container);

	for (size_t i = 0; i < json_array_size(mounts); i++) {
		const json_t *mount = json_array_get(mounts, i);
		const char *path = json_member_text(mount, "mountPath");
		const char *propagation = json_member_text(mount, "mountPropagation");

		if (!path_is_plain(path) ||
		    (path_parts(path) >= PATH_START_PARTS && strcmp(path, PATH_START) != 0))
			findings_deny(findings, DENIAL_MOUNT_PATH,
				      "container '%.63s' mounts '%.80s'", name, path);
		if (propagation != NULL && strcmp(propagation, "Bidirectional") == 0)
			findings_deny(findings, DENIAL_MOUNT_PROPAGATION,
				      "container '%.63s' mounts '%.80s' Bidirectional", name, path);
	}
	if (json_array_size(json_member(container, "volumeDevices")) > 0)
		findings_deny(findings, DENIAL_VOLUME_DEVICE, "container '%.63s' has volumeDevices",
			      name);
}

/* What only the kubelet writes to. */
static json_t *fixed_source(const json_t *volume)
{
	static const char *const sources[] = { "configMap", "secret", "downwardAPI", "projected" };
	json_t *found = NULL;

	for (size_t i = 0; found == NULL && i < ARRAY_LEN(sources); i++)
		found = json_member(volume, sources[i]);
	return found;
}

static bool is_executable(const json_t *mode)
{
	return mode != NULL && (!json_is_integer(mode) || (json_integer_value(mode) & 0111) != 0);
}

static bool has_program_item(const json_t *source)
{
	const json_t *items = json_member(source, "items");

	for (size_t i = 0; i < json_array_size(items); i++)
		if (is_executable(json_member(json_array_get(items, i), "mode")))
			return true;
	return false;
}

/* Such a file could be run in the agent's place. */
static bool has_program(json_t *source)
{
	json_t *parts = json_member(source, "sources");
	const char *kind;
	json_t *part;

	if (is_executable(json_member(source, "defaultMode")) || has_program_item(source))
		return true;
	for (size_t i = 0; i < json_array_size(parts); i++)
		json_object_foreach(json_array_get(parts, i), kind,
				    part) if (has_program_item(part)) return true;
	return false;
}

json_t *refuse_fixed_volumes(const json_t *spec)
{
	const json_t *volumes = json_member(spec, "volumes");
	json_t *fixed = json_object();

	for (size_t i = 0; i < json_array_size(volumes); i++) {
		const json_t *volume = json_array_get(volumes, i);
		json_t *source = fixed_source(volume);

		if (source != NULL)
			json_object_set_new(fixed, pod_name_of(volume),
					    json_boolean(!has_program(source)));
	}
	return fixed;
}

struct place {
	char *path;
	size_t n;
	const json_t *fixed; /* NULL: others than the kubelet write there */
};

static bool is_below(const struct place *place, const struct place *folder)
{
	return folder->n < place->n && place->path[folder->n] == '/' &&
	       memcmp(place->path, folder->path, folder->n) == 0;
}

/* A volume that is read-only here may still be written by another pod. The first that may lead it astray, or NULL. */
static const struct place *find_outer(const struct place *inner, const struct place *places,
				      size_t n)
{
	for (size_t i = 0; !json_is_true(inner->fixed) && i < n; i++)
		if (places[i].fixed == NULL && is_below(inner, &places[i]))
			return &places[i];
	return NULL;
}

void refuse_nested_mounts(const json_t *fixed, const json_t *container, struct findings *findings)
{
	const json_t *mounts = json_member(container, "volumeMounts");
	size_t count = json_array_size(mounts);
	struct place *places = mem_calloc(count, sizeof(*places));

	for (size_t i = 0; i < count; i++) {
		const json_t *mount = json_array_get(mounts, i);

		places[i].path = path_clean(json_member_text(mount, "mountPath"));
		places[i].n = strlen(places[i].path);
		places[i].fixed = json_object_get(fixed, pod_name_of(mount));
	}
	for (size_t i = 0; i < count; i++) {
		const struct place *outer = find_outer(&places[i], places, count);

		if (outer != NULL)
			findings_deny(findings, DENIAL_MOUNT_NESTED,
				      "container '%.63s' mounts '%.80s' inside '%.80s'",
				      pod_name_of(container), places[i].path, outer->path);
	}
	for (size_t i = 0; i < count; i++)
		free(places[i].path);
	free(places);
}

static bool is_one_of(const json_t *list, json_t *element)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_equal(json_array_get(list, i), element))
			return true;
	return false;
}

static void refuse_environment(const json_t *container, const json_t *ours,
			       struct findings *findings)
{
	static const char prefix[] = "OPENSHELL_";
	const json_t *env = json_member(container, "env");
	const json_t *from = json_member(container, "envFrom");

	for (size_t i = 0; i < json_array_size(env); i++) {
		const char *name = json_member_text(json_array_get(env, i), "name");

		if (name != NULL && strncmp(name, prefix, strlen(prefix)) == 0 &&
		    !is_one_of(ours, json_array_get(env, i)))
			findings_deny(findings, DENIAL_ENVIRONMENT, "container '%.63s' sets %.80s",
				      pod_name_of(container), name);
	}
	for (size_t i = 0; i < json_array_size(from); i++) {
		const char *name = json_member_text(json_array_get(from, i), "prefix");

		if (name != NULL && strncmp(name, prefix, strlen(prefix)) == 0)
			findings_deny(findings, DENIAL_ENVIRONMENT,
				      "container '%.63s' has envFrom with prefix %.80s",
				      pod_name_of(container), name);
	}
}

static void refuse_paths(const json_t *container, struct findings *findings)
{
	static const char *const fields[] = { "workingDir", "terminationMessagePath" };

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const char *path = json_member_text(container, fields[i]);

		if (path == NULL || *path == '\0')
			continue;
		if (!path_is_plain(path) || path_reserved_around(path) != NULL)
			findings_deny(findings, DENIAL_RESERVED_PATH,
				      "container '%.63s' has %s '%.80s'", pod_name_of(container),
				      fields[i], path);
	}
}

void refuse_container(const json_t *container, const json_t *env, struct findings *findings)
{
	const json_t *security = json_member(container, "securityContext");
	const char *proc = json_member_text(security, "procMount");

	if (json_member(security, "windowsOptions") != NULL)
		findings_deny(findings, DENIAL_WINDOWS, "container '%.63s' has windowsOptions",
			      pod_name_of(container));
	if (json_member_true(security, "privileged"))
		findings_deny(findings, DENIAL_PRIVILEGED, "container '%.63s' is privileged",
			      pod_name_of(container));
	if (proc != NULL && strcmp(proc, "Default") != 0)
		findings_deny(findings, DENIAL_PROC_MOUNT, "container '%.63s' has procMount %.40s",
			      pod_name_of(container), proc);
	refuse_mounts(container, findings);
	refuse_environment(container, env, findings);
	refuse_paths(container, findings);
}
