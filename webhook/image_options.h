/* SPDX-License-Identifier: Apache-2.0 */
/* image_options: what whoever runs the cluster says of looking images up. From argv alone. */
#ifndef WEBHOOK_IMAGE_OPTIONS_H
#define WEBHOOK_IMAGE_OPTIONS_H

#include "lib/cmd.h"
#include "lib/err.h"
#include "webhook/config.h"
#include "webhook/image_resolver.h"

/* As given in argv; NULL and empty: not given. */
struct image_text {
	const char *lookup, *roots;
	struct cmd_list allow, insecure, logins, grants;
};

#define IMAGE_OPTIONS(text)                                                                      \
	{ "--image-lookup", CMD_TEXT, &(text)->lookup, "MODE",                                   \
	  "off, when-needed (default) or required: ask registries what an image says" },         \
		{ "--registry-allow", CMD_REPEATED, &(text)->allow, "CIDR or HOST",              \
		  "a private address of registries, or a registry with one" },                   \
		{ "--registry-insecure", CMD_REPEATED, &(text)->insecure, "HOST:PORT",           \
		  "a registry without TLS" },                                                    \
		{ "--registry-login", CMD_REPEATED, &(text)->logins, "FILE",                     \
		  "what registries are told (as of Secrets of type dockerconfigjson)" },         \
		{ "--registry-login-for", CMD_REPEATED, &(text)->grants, "PREFIX=NAMESPACE,...", \
		  "for which images, and for whose pods; =*: all" },                             \
	{                                                                                        \
		"--registry-ca", CMD_TEXT, &(text)->roots, "FILE", "roots of registries (PEM)"   \
	}

struct image_options {
	enum image_lookup lookup;
	struct image_hosts hosts;
	struct image_grants grants;
	struct image_login_files *logins; /* NULL: none are named */
	struct image_resolver_options resolver; /* borrows from here */
};

/* `out` borrows from `text` and must stay where it is. */
int image_options_parse(const struct image_text *text, struct image_options *out, struct err *err);
void image_options_done(struct image_options *options);

#endif
