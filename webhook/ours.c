/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/ours.h"

#include <string.h>

#include "lib/cleanup.h"
#include "webhook/keys.h"
#include "webhook/paths.h"
#include "webhook/pod.h"

static void check_volumes(const json_t *spec, const struct pieces *pieces,
			  struct findings *findings)
{
	const json_t *volumes = json_member(spec, "volumes");

	for (size_t i = 0; i < json_array_size(volumes); i++) {
		const json_t *volume = json_array_get(volumes, i);
		const char *name = pod_name_of(volume);
		const json_t *piece = pod_find_named(pieces->volumes, name);

		if (piece != NULL && !json_equal(piece, volume))
			findings_deny(findings, DENIAL_TAMPERED,
				      "volume '%s' is not as OpenShell renders it", name);
		else if (piece == NULL && pod_name_is_ours(name))
			findings_deny(findings, DENIAL_RESERVED_NAME,
				      "volume '%.63s' has a reserved name", name);
	}
}

static bool is_piece(const json_t *list, const json_t *element)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_equal(json_array_get(list, i), element))
			return true;
	return false;
}

static void check_mounts(const json_t *container, const struct pieces *pieces,
			 struct findings *findings)
{
	const json_t *mounts = json_member(container, "volumeMounts");

	for (size_t i = 0; i < json_array_size(mounts); i++) {
		const json_t *mount = json_array_get(mounts, i);
		const char *path = json_member_text(mount, "mountPath");

		if (is_piece(pieces->mounts, mount))
			continue;
		if (pod_name_is_ours(pod_name_of(mount)))
			findings_deny(findings, DENIAL_RESERVED_NAME,
				      "container '%.63s' mounts the volume '%.63s'",
				      pod_name_of(container), pod_name_of(mount));
		else if (path_is_plain(path) && path_reserved_conflict(path) != NULL)
			findings_deny(findings, DENIAL_RESERVED_PATH,
				      "container '%.63s' mounts '%.80s', which conflicts with '%s'",
				      pod_name_of(container), path, path_reserved_conflict(path));
	}
}

/* The first must be ours, or nobody's: the agent has to be in place before anything runs. True where all of
 * them are there. */
static bool check_init_containers(const json_t *spec, const struct pieces *pieces,
				  struct findings *findings)
{
	const json_t *containers = json_member(spec, "initContainers");
	size_t found = 0, wanted = json_array_size(pieces->init);

	for (size_t i = 0; i < json_array_size(containers); i++) {
		json_t *container = json_array_get(containers, i);
		const char *name = pod_name_of(container);

		if (i == found && i < wanted && pieces_is_init(pieces, i, container))
			found++;
		else if (pod_find_named(pieces->init, name) != NULL)
			findings_deny(findings, DENIAL_TAMPERED,
				      "init container '%s' is not as OpenShell renders it", name);
		else if (pod_name_is_ours(name))
			findings_deny(findings, DENIAL_RESERVED_NAME,
				      "init container '%.63s' has a reserved name", name);
		else
			check_mounts(container, pieces, findings);
	}
	if (found > 0 && found < wanted)
		findings_deny(findings, DENIAL_TAMPERED, "init container '%s' is missing",
			      pod_name_of(json_array_get(pieces->init, found)));
	return found == wanted;
}

bool ours_check(const json_t *spec, const struct pieces *pieces, struct findings *findings)
{
	const json_t *containers = json_member(spec, "containers");

	check_volumes(spec, pieces, findings);
	for (size_t i = 0; i < json_array_size(containers); i++) {
		json_t *container = json_array_get(containers, i);

		if (pod_name_is_ours(pod_name_of(container)))
			findings_deny(findings, DENIAL_RESERVED_NAME,
				      "container '%.63s' has a reserved name",
				      pod_name_of(container));
		check_mounts(container, pieces, findings);
	}
	return check_init_containers(spec, pieces, findings);
}

void ours_check_keys(const json_t *pod, const char *status, const char *role,
		     struct findings *findings)
{
	const struct {
		const char *map, *kind, *key, *want;
	} written[] = {
		{ "annotations", "annotation", KEY_STATUS, status },
		{ "annotations", "annotation", KEY_PROXY_URL, NULL },
		{ "annotations", "annotation", KEY_PROXY_CA, NULL },
		{ "labels", "label", KEY_SANDBOX_ROLE, role },
		{ "labels", "label", KEY_SANDBOX_ID, NULL },
	};
	const json_t *meta = json_member(pod, "metadata");

	for (size_t i = 0; i < ARRAY_LEN(written); i++) {
		const char *value =
			json_member_text(json_member(meta, written[i].map), written[i].key);

		if (value == NULL ||
		    (written[i].want != NULL && strcmp(value, written[i].want) == 0))
			continue;
		findings_deny(findings, DENIAL_KEY_OURS, "the pod has the %s %s", written[i].kind,
			      written[i].key);
	}
}
