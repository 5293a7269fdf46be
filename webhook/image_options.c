/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/image_options.h"

#include <string.h>

#include "lib/cleanup.h"

static const char *const modes[] = {
	[IMAGE_LOOKUP_OFF] = "off",
	[IMAGE_LOOKUP_WHEN_NEEDED] = "when-needed",
	[IMAGE_LOOKUP_REQUIRED] = "required",
};

static int parse_mode(const char *text, enum image_lookup *out, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		if (strcmp(modes[i], text) == 0) {
			*out = (enum image_lookup)i;
			return 0;
		}
	return err_set(err, ERR_INVALID,
		       "--image-lookup '%.40s' is not off, when-needed or required", text);
}

int image_options_parse(const struct image_text *text, struct image_options *out, struct err *err)
{
	enum image_lookup lookup = IMAGE_LOOKUP_WHEN_NEEDED;
	struct image_hosts hosts;

	if (text->lookup != NULL && parse_mode(text->lookup, &lookup, err) == -1)
		return -1;
	if (lookup == IMAGE_LOOKUP_OFF &&
	    (text->allow.n > 0 || text->insecure.n > 0 || text->roots != NULL))
		return err_set(err, ERR_INVALID,
			       "--registry-allow, -insecure and -ca mean nothing with "
			       "--image-lookup off");
	if (image_hosts_parse(&text->allow, &text->insecure, &hosts, err) == -1)
		return -1;
	*out = (struct image_options){ .lookup = lookup, .hosts = hosts };
	out->net = (struct image_net_options){ .hosts = &out->hosts, .roots = text->roots };
	return 0;
}
