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

void image_options_done(struct image_options *options)
{
	image_hosts_done(&options->hosts);
	image_grants_done(&options->grants);
	image_login_files_free(options->logins);
	*options = (struct image_options){ 0 };
}

static int take_logins(const struct image_text *text, struct image_options *out, struct err *err)
{
	if ((text->logins.n > 0) != (text->grants.n > 0))
		return err_set(
			err, ERR_INVALID,
			"--registry-login and --registry-login-for go together: what is told "
			"of an image must not be for everybody by accident");
	if (text->logins.n == 0)
		return 0;
	if (image_grants_parse(&text->grants, &out->grants, err) == -1)
		return -1;
	return image_login_files_new(&text->logins, &out->logins, err);
}

int image_options_parse(const struct image_text *text, struct image_options *out, struct err *err)
{
	enum image_lookup lookup = IMAGE_LOOKUP_WHEN_NEEDED;
	AUTO(image_options_done) struct image_options options = { 0 };

	if (text->lookup != NULL && parse_mode(text->lookup, &lookup, err) == -1)
		return -1;
	if (lookup == IMAGE_LOOKUP_OFF && (text->allow.n > 0 || text->insecure.n > 0 ||
					   text->roots != NULL || text->logins.n > 0))
		return err_set(err, ERR_INVALID,
			       "--registry-allow, -insecure, -login and -ca mean nothing with "
			       "--image-lookup off");
	if (image_hosts_parse(&text->allow, &text->insecure, &options.hosts, err) == -1 ||
	    take_logins(text, &options, err) == -1)
		return -1;
	options.lookup = lookup;
	*out = options;
	options = (struct image_options){ 0 };
	out->resolver = (struct image_resolver_options){
		.net = { .hosts = &out->hosts, .roots = text->roots },
		.logins = out->logins,
		.grants = &out->grants,
	};
	return 0;
}
