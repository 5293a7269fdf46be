/* SPDX-License-Identifier: Apache-2.0 */
/* json: text into jansson values and back, with the limits that bytes from outside need.
 * Getters treat a member that is null like one that is absent, as Kubernetes does. */
#ifndef LIB_JSON_H
#define LIB_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/rd.h"

enum {
	/* An AdmissionReview of a pod nests about 20 deep. */
	JSON_DEPTH_MAX = 64,
	/* A value costs up to 300 bytes of memory for the three of "{},": this bounds that. */
	JSON_VALUES_MAX = 131072,
};

/* One JSON value that is the whole of `text`; the caller drops it. ERR_INVALID: not JSON (the
 * message has line and column), a key given twice, not UTF-8. ERR_LIMIT: too deep or too many. */
int json_parse(struct slice text, json_t **out, struct err *err);

/* Appends `value` without white space. No value may contain itself. */
void json_put(struct buf *b, json_t *value);

/* For AUTO(): drops the reference that `*slot` holds; NULL is fine. */
void json_drop(json_t **slot);

/* NULL where `object` is NULL or no object, or the member is absent or null. Borrows. */
json_t *json_member(const json_t *object, const char *key);

/* The member's text; NULL where it is absent or no string. Borrows. */
const char *json_member_text(const json_t *object, const char *key);

/* json_equal() for what may be absent: nothing is the same as nothing. */
bool json_is_same(const json_t *a, const json_t *b);

/* False where the member is absent or no boolean. */
bool json_member_true(const json_t *object, const char *key);

#endif
