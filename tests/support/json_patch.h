/* SPDX-License-Identifier: Apache-2.0 */
/* json_patch: applies a JSON Patch (RFC 6902: add, replace, remove). For tests only. */
#ifndef TESTS_SUPPORT_JSON_PATCH_H
#define TESTS_SUPPORT_JSON_PATCH_H

#include "lib/err.h"
#include "lib/json.h"

/* Changes `document` in place. ERR_INVALID: an operation that is malformed or does not apply. */
int json_patch_apply(json_t *document, const json_t *patch, struct err *err);

#endif
