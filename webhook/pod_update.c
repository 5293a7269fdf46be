/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/pod_update.h"

#include <string.h>

#include "lib/cleanup.h"
#include "webhook/keys.h"
#include "webhook/pod.h"

static bool is_key(const char *key)
{
	return strncmp(key, KEY_PREFIX, strlen(KEY_PREFIX)) == 0;
}

/* Of `from`, those that `to` has not, or not so. */
static void check_keys(json_t *from, const json_t *to, const char *kind, struct findings *findings)
{
	const char *key;
	json_t *value;

	json_object_foreach(from, key, value)
	{
		if (is_key(key) && !json_is_same(value, json_object_get(to, key)))
			findings_deny(findings, DENIAL_KEY_CHANGED,
				      "the pod's %s %.80s would change", kind, key);
	}
}

static void check_both_ways(const json_t *old_pod, const json_t *new_pod, const char *map,
			    const char *kind, struct findings *findings)
{
	json_t *before = json_member(json_member(old_pod, "metadata"), map);
	json_t *after = json_member(json_member(new_pod, "metadata"), map);

	check_keys(before, after, kind, findings);
	check_keys(after, before, kind, findings);
}

/* The next start of the pod would install another agent, or start what nobody has looked at. */
static void check_images(const json_t *before, const json_t *after, bool all,
			 struct findings *findings)
{
	for (size_t i = 0; i < json_array_size(after); i++) {
		const json_t *container = json_array_get(after, i);
		const char *name = json_member_text(container, "name");

		if (name == NULL || (!all && !pod_name_is_ours(name)))
			continue;
		const json_t *had = pod_find_named(before, name);
		const json_t *image = json_member(container, "image");
		if (had == NULL || !json_is_same(json_member(had, "image"), image))
			findings_deny(findings,
				      pod_name_is_ours(name) ? DENIAL_TAMPERED
							     : DENIAL_IMAGE_CHANGED,
				      "container '%.63s' would get another image", name);
	}
}

/* Kubernetes lets a gate go and none come. */
static void check_gates(const json_t *before, const json_t *after, struct findings *findings)
{
	for (size_t i = 0; i < json_array_size(before); i++) {
		const char *name = json_member_text(json_array_get(before, i), "name");

		if (name != NULL && is_key(name) && pod_find_named(after, name) == NULL)
			findings_deny(findings, DENIAL_KEY_CHANGED,
				      "the pod's scheduling gate %.80s would go", name);
	}
}

void pod_update_check(const json_t *old_pod, const json_t *new_pod, bool images_stay,
		      struct findings *findings)
{
	static const char *const lists[] = { "initContainers", "containers" };
	const json_t *before = json_member(old_pod, "spec"), *after = json_member(new_pod, "spec");
	bool all = images_stay && pod_is_sandboxed(old_pod);

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		check_images(json_member(before, lists[i]), json_member(after, lists[i]), all,
			     findings);
	check_both_ways(old_pod, new_pod, "labels", "label", findings);
	check_both_ways(old_pod, new_pod, "annotations", "annotation", findings);
	check_gates(json_member(before, "schedulingGates"), json_member(after, "schedulingGates"),
		    findings);
}
