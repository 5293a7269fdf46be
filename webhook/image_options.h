/* SPDX-License-Identifier: Apache-2.0 */
/* image_options: what whoever runs the cluster says of looking images up. From argv alone. */
#ifndef WEBHOOK_IMAGE_OPTIONS_H
#define WEBHOOK_IMAGE_OPTIONS_H

#include "lib/cmd.h"
#include "lib/err.h"
#include "webhook/config.h"
#include "webhook/image_net.h"

/* As given in argv; NULL and empty: not given. */
struct image_text {
	const char *lookup, *roots;
	struct cmd_list allow, insecure;
};

#define IMAGE_OPTIONS(text)                                                                    \
	{ "--image-lookup", CMD_TEXT, &(text)->lookup, "MODE",                                 \
	  "off, when-needed (default) or required: ask registries what an image says" },       \
		{ "--registry-allow", CMD_REPEATED, &(text)->allow, "CIDR or HOST",            \
		  "a private address of registries, or a registry with one" },                 \
		{ "--registry-insecure", CMD_REPEATED, &(text)->insecure, "HOST:PORT",         \
		  "a registry without TLS" },                                                  \
	{                                                                                      \
		"--registry-ca", CMD_TEXT, &(text)->roots, "FILE", "roots of registries (PEM)" \
	}

struct image_options {
	enum image_lookup lookup;
	struct image_hosts hosts;
	struct image_net_options net; /* borrows from here */
};

/* `out` borrows from `text` and must stay where it is. */
int image_options_parse(const struct image_text *text, struct image_options *out, struct err *err);

#endif
