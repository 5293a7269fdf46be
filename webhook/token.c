/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/token.h"

#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/names.h"
#include "webhook/paths.h"
#include "webhook/pod.h"

/* The API server's plugin names its volume so, with five letters behind. */
#define TOKEN_VOLUME_PREFIX "kube-api-access-"

enum { TOKEN_PATH_MAX = 96 };

static const char *const lists[] = { "containers", "initContainers" };

static void add_mounted_as_token(const json_t *container, json_t *names)
{
	const json_t *mounts = json_member(container, "volumeMounts");

	for (size_t i = 0; i < json_array_size(mounts); i++) {
		const json_t *mount = json_array_get(mounts, i);

		if (path_equals(json_member_text(mount, "mountPath"), PATH_TOKEN))
			json_object_set_new(names, pod_name_of(mount), json_true());
	}
}

/* The names of all volumes that some container mounts where the token is looked for. */
static json_t *mounted_as_token(const json_t *spec)
{
	json_t *names = json_object();

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		const json_t *containers = json_member(spec, lists[i]);

		for (size_t k = 0; k < json_array_size(containers); k++)
			add_mounted_as_token(json_array_get(containers, k), names);
	}
	return names;
}

json_t *token_volumes(const json_t *spec)
{
	AUTO(json_drop) json_t *mounted = mounted_as_token(spec);
	const json_t *volumes = json_member(spec, "volumes");
	json_t *names = json_object();

	for (size_t i = 0; i < json_array_size(volumes); i++) {
		const json_t *volume = json_array_get(volumes, i);

		if ((json_member(volume, "projected") != NULL ||
		     json_member(volume, "secret") != NULL) &&
		    json_object_get(mounted, pod_name_of(volume)) != NULL)
			json_object_set_new(names, pod_name_of(volume), json_true());
	}
	return names;
}

bool token_is_volume(const json_t *tokens, const char *name)
{
	return strncmp(name, TOKEN_VOLUME_PREFIX, strlen(TOKEN_VOLUME_PREFIX)) == 0 ||
	       json_object_get(tokens, name) != NULL;
}

/* From the last to the first, so that an index still means what it meant. */
static void remove_named(const json_t *tokens, const json_t *array, const char *path,
			 struct edits *edits)
{
	for (size_t i = json_array_size(array); i-- > 0;) {
		const char *name = json_member_text(json_array_get(array, i), "name");
		char place[TOKEN_PATH_MAX];

		if (name == NULL || !token_is_volume(tokens, name))
			continue;
		snprintf(place, sizeof(place), "%s/%zu", path, i);
		edits_remove(edits, place);
	}
}

void token_remove(const json_t *spec, const json_t *tokens, struct edits *edits)
{
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		const json_t *containers = json_member(spec, lists[i]);

		for (size_t k = 0; k < json_array_size(containers); k++) {
			char path[TOKEN_PATH_MAX - 24];

			snprintf(path, sizeof(path), "/spec/%s/%zu/volumeMounts", lists[i], k);
			remove_named(tokens,
				     json_member(json_array_get(containers, k), "volumeMounts"),
				     path, edits);
		}
	}
	remove_named(tokens, json_member(spec, "volumes"), "/spec/volumes", edits);
	edits_set(edits, "/spec/automountServiceAccountToken",
		  json_member(spec, "automountServiceAccountToken"), json_false());
}
