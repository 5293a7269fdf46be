/* SPDX-License-Identifier: Apache-2.0 */
/* patch: edits as the text of a JSON Patch (RFC 6902). */
#ifndef WEBHOOK_PATCH_H
#define WEBHOOK_PATCH_H

#include "lib/buf.h"
#include "lib/err.h"
#include "webhook/edits.h"

/* "[]" for no edits. ERR_LIMIT where it is larger than `out` holds. */
int patch_encode(const struct edits *edits, struct buf *out, struct err *err);

#endif
