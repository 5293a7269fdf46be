/* SPDX-License-Identifier: Apache-2.0 */
/* image_prefix: a registry, or a part of one, by the beginning of its images' names. Pure. */
#ifndef WEBHOOK_IMAGE_PREFIX_H
#define WEBHOOK_IMAGE_PREFIX_H

#include <stdbool.h>

#include "lib/err.h"
#include "webhook/image_ref.h"

struct image_prefix {
	char registry[IMAGE_NAME_MAX + 1]; /* as struct image_ref has it */
	char path[IMAGE_NAME_MAX + 1]; /* whole parts of a repository; "" for all of the registry */
};

/* "registry.example:5000", "registry.example/team/app". ERR_INVALID: no runtime takes an image's name that begins so,
 * or it has a tag. */
int image_prefix_parse(const char *text, struct image_prefix *out, struct err *err);

/* Whether the image's name begins so, by whole parts: "r.example/a" is no beginning of "r.example/ab". */
bool image_prefix_matches(const struct image_prefix *prefix, const struct image_ref *ref);

bool image_prefix_equals(const struct image_prefix *a, const struct image_prefix *b);

#endif
