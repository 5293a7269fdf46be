/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/image_look.h"

#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "webhook/choices.h"
#include "webhook/names.h"
#include "webhook/paths.h"
#include "webhook/pod.h"
#include "webhook/wrap.h"

/* Where the scheduler may put the pod: on the one architecture that it names, or on any that the agent is made for. */
static struct image_arches arches_of(const json_t *spec)
{
	const char *named =
		json_member_text(json_member(spec, "nodeSelector"), "kubernetes.io/arch");

	if (named != NULL && strcmp(named, "amd64") == 0)
		return (struct image_arches){ { "amd64" }, 1 };
	if (named != NULL && strcmp(named, "arm64") == 0)
		return (struct image_arches){ { "arm64" }, 1 };
	return (struct image_arches){ { "amd64", "arm64" }, 2 };
}

void image_look_done(struct image_look *look)
{
	free(look->pinned);
	*look = (struct image_look){ 0 };
}

/* --- volumes ---------------------------------------------------------------------------------- */

/* There the runtime mounts the pod's volume and not the image's, whatever the image says. */
static bool is_mounted_by_pod(const json_t *container, const char *path)
{
	const json_t *mounts = json_member(container, "volumeMounts");

	for (size_t i = 0; i < json_array_size(mounts); i++)
		if (path_equals(json_member_text(json_array_get(mounts, i), "mountPath"), path))
			return true;
	return false;
}

/* Somebody may have put a link there that leads the runtime elsewhere. */
static const char *find_outer_mount(const json_t *container, const char *path)
{
	const json_t *mounts = json_member(container, "volumeMounts");

	for (size_t i = 0; i < json_array_size(mounts); i++) {
		const json_t *mount = json_array_get(mounts, i);
		const char *folder = json_member_text(mount, "mountPath");

		if (path_is_inside(path, folder))
			return folder;
	}
	return NULL;
}

static void check_volume(const json_t *container, const char *path, struct findings *findings)
{
	const char *name = pod_name_of(container);

	if (path_is_plain(path) && is_mounted_by_pod(container, path))
		return;
	if (!path_is_plain(path) || path_parts(path) == 0) {
		findings_deny(findings, DENIAL_IMAGE_VOLUME,
			      "the image of container '%.63s' has the volume '%.80s'", name, path);
		return;
	}
	if (path_parts(path) >= PATH_START_PARTS || path_reserved_conflict(path) != NULL) {
		findings_deny(
			findings, DENIAL_IMAGE_VOLUME,
			"the image of container '%.63s' has the volume '%.80s', which could lie "
			"over the agent",
			name, path);
		return;
	}
	const char *outer = find_outer_mount(container, path);
	if (outer != NULL)
		findings_deny(findings, DENIAL_IMAGE_VOLUME,
			      "the image of container '%.63s' has the volume '%.80s' inside the "
			      "pod's mount '%.80s'",
			      name, path, outer);
}

static void check_volumes(const struct image_facts *facts, const json_t *container,
			  struct findings *findings)
{
	for (size_t i = 0; i < facts->volumes.n; i++)
		check_volume(container, facts->volumes.items[i], findings);
}

/* --- user ------------------------------------------------------------------------------------- */

/* "1000" or "1000:1000"; who "app" is, only the image's files know. */
static struct identity user_of(const struct image_facts *facts)
{
	struct identity id = { 0 };
	char text[32];
	size_t n = strcspn(facts->user, ":");

	if (n >= sizeof(text))
		return id;
	memcpy(text, facts->user, n);
	text[n] = '\0';
	if (!choices_parse_id(text, 1, &id.uid))
		return (struct identity){ 0 };
	if (facts->user[n] == ':' && !choices_parse_id(facts->user + n + 1, 1, &id.gid))
		id.gid = 0;
	return id;
}

/* --- the whole -------------------------------------------------------------------------------- */

static void take_facts(const struct rewrite *in, const json_t *container,
		       const struct image_want *want, struct image_look *out,
		       struct findings *findings)
{
	out->facts = want->facts;
	check_volumes(out->facts, container, findings);
	/* Of a container that is wrapped, the user was decided when it was. */
	if (!wrap_is_agent(json_member(container, "command")))
		out->user = user_of(out->facts);
	if (in->pins_images && want->ref.digest[0] == '\0' && out->facts->digest[0] != '\0')
		out->pinned = mem_printf("%s@%s", json_member_text(container, "image"),
					 out->facts->digest);
}

static void tell_unknown(const struct rewrite *in, const json_t *container, const struct err *why,
			 struct findings *findings)
{
	if (in->config->image_lookup == IMAGE_LOOKUP_REQUIRED)
		findings_deny(findings, DENIAL_IMAGE_UNKNOWN,
			      "the image of container '%.63s' could not be looked up: %.160s",
			      pod_name_of(container), why->msg);
	else
		findings_warn(findings, "the image of '%.30s' was not looked up: %.70s",
			      pod_name_of(container), why->msg);
}

void image_look(const struct rewrite *in, const json_t *container, struct image_look *out,
		struct findings *findings)
{
	static const struct err too_many = { ERR_LIMIT, "the pod has too many different images" };
	const struct image_arches arches = arches_of(json_member(in->pod, "spec"));
	const char *text = json_member_text(container, "image");
	struct image_ref ref;
	struct err err;

	*out = (struct image_look){ 0 };
	/* Without an image Kubernetes refuses the pod. */
	if (in->images == NULL || text == NULL)
		return;
	if (image_ref_parse(text, &ref, &err) == -1) {
		findings_deny(findings, DENIAL_IMAGE_NAME, "container '%.63s': %.200s",
			      pod_name_of(container), err.msg);
		return;
	}
	const struct image_want *want = image_wants_ask(in->images, &ref, &arches);
	if (want != NULL && !want->is_known)
		return;
	if (want != NULL && want->facts != NULL) {
		take_facts(in, container, want, out, findings);
		return;
	}
	out->why = want != NULL ? &want->err : &too_many;
	tell_unknown(in, container, out->why, findings);
}

static void add_words(json_t *command, const struct image_words *words)
{
	for (size_t i = 0; i < words->n; i++)
		json_array_append_new(command, wrap_literal(words->items[i]));
}

json_t *image_look_command(const struct image_look *look, const json_t *container)
{
	json_t *command;

	if (look->facts == NULL)
		return NULL;
	command = json_array();
	add_words(command, &look->facts->entrypoint);
	if (json_array_size(json_member(container, "args")) == 0)
		add_words(command, &look->facts->cmd);
	if (json_array_size(command) == 0)
		json_drop(&command);
	return command;
}
