/* SPDX-License-Identifier: Apache-2.0 */
/* patch_apply: what the API server does with our patch, done here. */
#ifndef WEBHOOK_PATCH_APPLY_H
#define WEBHOOK_PATCH_APPLY_H

#include "lib/err.h"
#include "webhook/edits.h"

/* Changes `document` in place; the edits keep their values. ERR_INVALID: one does not apply. */
int patch_apply(json_t *document, const struct edits *edits, struct err *err);

#endif
