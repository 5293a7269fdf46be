/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/entrypoint.h"

#include <string.h>

#include "lib/cleanup.h"
#include "webhook/keys.h"
#include "webhook/pod.h"
#include "webhook/wrap.h"

static bool is_command(const json_t *value)
{
	const char *first = json_string_value(json_array_get(value, 0));

	for (size_t i = 0; i < json_array_size(value); i++)
		if (!json_is_string(json_array_get(value, i)))
			return false;
	return first != NULL && *first != '\0';
}

/* The annotation stands for what the image says, which Kubernetes would not expand. */
static json_t *literal_copy(const json_t *words)
{
	json_t *copy = json_array();

	for (size_t i = 0; i < json_array_size(words); i++)
		json_array_append_new(copy,
				      wrap_literal(json_string_value(json_array_get(words, i))));
	return copy;
}

void entrypoint_check_names(json_t *annotation, const json_t *spec, struct findings *findings)
{
	size_t n = json_array_size(json_member(spec, "containers"));
	const char *name;
	json_t *value;

	if (json_is_array(annotation) && n > 1)
		findings_deny(findings, DENIAL_KEY_VALUE,
			      KEY_COMMAND " is an array, and the pod has %zu containers: name them",
			      n);
	json_object_foreach(annotation, name, value)
	{
		if (!pod_has_container(spec, name))
			findings_deny(findings, DENIAL_KEY_VALUE,
				      KEY_COMMAND " names the container '%.63s', which the pod "
						  "does not have",
				      name);
	}
}

/* An array alone is for the workload. */
static json_t *from_annotation(json_t *annotation, const char *container, bool is_workload,
			       struct findings *findings)
{
	json_t *words = json_is_object(annotation) ? json_member(annotation, container)
			: is_workload              ? annotation
						   : NULL;

	if (words == NULL)
		return NULL;
	if (is_command(words))
		return literal_copy(words);
	findings_deny(findings, DENIAL_KEY_VALUE,
		      KEY_COMMAND " is not an array of strings with a program first, for container "
				  "'%.63s'",
		      container);
	return NULL;
}

static json_t *from_container(const json_t *container, enum topology topology,
			      struct identity *out_rendered, struct findings *findings)
{
	json_t *command = json_member(container, "command");
	json_t *original = NULL;

	if (!wrap_is_agent(command))
		original = json_incref(command);
	else if (!wrap_parse(command, topology, out_rendered, &original))
		findings_deny(findings, DENIAL_TAMPERED,
			      "container '%.63s' starts the agent in its own way",
			      pod_name_of(container));
	if (original != NULL && (!is_command(original) || wrap_is_agent(original))) {
		findings_deny(findings, DENIAL_COMMAND, "container '%.63s' has no program to run",
			      pod_name_of(container));
		json_drop(&original);
	}
	return original;
}

static json_t *from_image(const json_t *container, const struct image_look *image,
			  struct findings *findings)
{
	json_t *command = image_look_command(image, container);

	if (command != NULL)
		return command;
	findings_deny(findings, DENIAL_NO_COMMAND, "container '%.63s' has no command%s%.160s",
		      pod_name_of(container),
		      image->why != NULL     ? ", and its image was not looked up: "
		      : image->facts != NULL ? ", nor has its image an entrypoint"
					     : "",
		      image->why != NULL ? image->why->msg : "");
	return NULL;
}

json_t *entrypoint_resolve(const json_t *container, bool is_workload,
			   const struct entrypoint_hints *hints, enum topology topology,
			   struct identity *out_rendered, struct findings *findings)
{
	AUTO(json_drop) json_t *annotated = NULL;
	size_t before = findings->n_denials;

	if (hints->annotation != NULL)
		annotated = from_annotation(hints->annotation, pod_name_of(container), is_workload,
					    findings);
	if (json_array_size(json_member(container, "command")) > 0) {
		json_t *original = from_container(container, topology, out_rendered, findings);

		if (annotated != NULL && original != NULL && !json_equal(annotated, original))
			findings_warn(findings,
				      KEY_COMMAND " is not used: container '%.40s' has a command",
				      pod_name_of(container));
		return original;
	}
	if (annotated == NULL && findings->n_denials == before)
		return from_image(container, hints->image, findings);
	return STEAL(annotated);
}
