/* SPDX-License-Identifier: Apache-2.0 */
/* image_json: objects that a registry gives, read so that no runtime can read them otherwise. Container runtimes
 * match the names of members without regard to case, and take the last of several. Pure. */
#ifndef WEBHOOK_IMAGE_JSON_H
#define WEBHOOK_IMAGE_JSON_H

#include <stddef.h>

#include "lib/err.h"
#include "lib/json.h"

/* ERR_INVALID: `value` is no object, or has a member whose name could be taken for one of `names` and is spelt
 * otherwise. `what` is what the message calls it. */
int image_json_object(json_t *value, const char *const *names, size_t n, const char *what,
		      struct err *err);

/* ERR_INVALID: there, and no text. NULL: absent. */
int image_json_text(const json_t *object, const char *name, const char **out, struct err *err);

#endif
