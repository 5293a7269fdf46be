/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/agent_image.h"

#include <string.h>

#include "webhook/image_ref.h"
#include "webhook/pod.h"

static const json_t *first_of_ours(const json_t *containers)
{
	for (size_t i = 0; i < json_array_size(containers); i++) {
		const char *name = pod_name_of(json_array_get(containers, i));

		if (name != NULL && pod_name_is_ours(name))
			return json_array_get(containers, i);
	}
	return NULL;
}

const char *agent_image_of(const json_t *spec)
{
	const json_t *init = first_of_ours(json_member(spec, "initContainers"));

	return json_member_text(init != NULL ? init
					     : first_of_ours(json_member(spec, "containers")),
				"image");
}

/* As a runtime reads both; a text that it would not read is of no repository. */
static bool is_of_one_repository(const char *a, const char *b)
{
	struct image_ref first, second;
	struct err ignored;

	return image_ref_parse(a, &first, &ignored) == 0 &&
	       image_ref_parse(b, &second, &ignored) == 0 &&
	       strcmp(first.registry, second.registry) == 0 &&
	       strcmp(first.repository, second.repository) == 0;
}

bool agent_image_is_ours(const char *image, const struct webhook_config *config)
{
	if (strcmp(image, config->agent_image) == 0 ||
	    is_of_one_repository(image, config->agent_image))
		return true;
	for (size_t i = 0; i < config->agent_images_kept.n; i++)
		if (strcmp(image, config->agent_images_kept.items[i]) == 0)
			return true;
	return false;
}
