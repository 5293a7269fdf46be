/* SPDX-License-Identifier: Apache-2.0 */
/* fields: the types of the fields that we read, checked once by a table, so that the code behind it
 * reads them without asking again. Null counts as absent; fields not listed may be anything. */
#ifndef WEBHOOK_FIELDS_H
#define WEBHOOK_FIELDS_H

#include "lib/err.h"
#include "lib/json.h"

enum field_type { FIELD_OBJECT = 0, FIELD_ARRAY, FIELD_TEXT, FIELD_INT, FIELD_BOOL };

struct field {
	/* Names joined by '.'; "name[]" stands for each element of an array, "name{}" for each value
	 * of an object, each of which must then be there and not null. */
	const char *path;
	enum field_type type;
};

/* ERR_INVALID names the first field of another type: "spec.containers[0].name is not a string". */
int fields_check(json_t *root, const struct field *fields, size_t n, struct err *err);

#endif
