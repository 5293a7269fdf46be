/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/token.h"

#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/names.h"
#include "webhook/paths.h"

/* The API server's plugin names its volume so, with five letters behind. */
#define TOKEN_VOLUME_PREFIX "kube-api-access-"

enum { TOKEN_PATH_MAX = 96 };

static const char *const lists[] = { "containers", "initContainers" };

static bool is_mounted_as_token(const json_t *containers, const char *name)
{
	for (size_t i = 0; i < json_array_size(containers); i++) {
		const json_t *mounts = json_member(json_array_get(containers, i), "volumeMounts");

		for (size_t k = 0; k < json_array_size(mounts); k++) {
			const json_t *mount = json_array_get(mounts, k);
			const char *volume = json_member_text(mount, "name");
			const char *path = json_member_text(mount, "mountPath");

			if (volume != NULL && path != NULL && strcmp(volume, name) == 0 &&
			    path_equals(path, PATH_TOKEN))
				return true;
		}
	}
	return false;
}

static const json_t *find_volume(const json_t *spec, const char *name)
{
	const json_t *volumes = json_member(spec, "volumes");

	for (size_t i = 0; i < json_array_size(volumes); i++) {
		const json_t *volume = json_array_get(volumes, i);
		const char *own = json_member_text(volume, "name");

		if (own != NULL && strcmp(own, name) == 0)
			return volume;
	}
	return NULL;
}

bool token_is_volume(const json_t *spec, const char *name)
{
	const json_t *volume = find_volume(spec, name);

	if (strncmp(name, TOKEN_VOLUME_PREFIX, strlen(TOKEN_VOLUME_PREFIX)) == 0)
		return true;
	if (json_member(volume, "projected") == NULL && json_member(volume, "secret") == NULL)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		if (is_mounted_as_token(json_member(spec, lists[i]), name))
			return true;
	return false;
}

/* From the last to the first, so that an index still means what it meant. */
static void remove_named(const json_t *spec, const json_t *array, const char *path,
			 struct edits *edits)
{
	for (size_t i = json_array_size(array); i-- > 0;) {
		const char *name = json_member_text(json_array_get(array, i), "name");
		char place[TOKEN_PATH_MAX];

		if (name == NULL || !token_is_volume(spec, name))
			continue;
		snprintf(place, sizeof(place), "%s/%zu", path, i);
		edits_remove(edits, place);
	}
}

void token_remove(const json_t *spec, struct edits *edits)
{
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		const json_t *containers = json_member(spec, lists[i]);

		for (size_t k = 0; k < json_array_size(containers); k++) {
			char path[TOKEN_PATH_MAX - 24];

			snprintf(path, sizeof(path), "/spec/%s/%zu/volumeMounts", lists[i], k);
			remove_named(spec,
				     json_member(json_array_get(containers, k), "volumeMounts"),
				     path, edits);
		}
	}
	remove_named(spec, json_member(spec, "volumes"), "/spec/volumes", edits);
	edits_set(edits, "/spec/automountServiceAccountToken",
		  json_member(spec, "automountServiceAccountToken"), json_false());
}
