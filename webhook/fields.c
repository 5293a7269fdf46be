/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/fields.h"

#include <string.h>

enum { FIELD_PLACE_MAX = 256 };

/* Where a value is, as a chain up to the root; put into words only where something is wrong. */
struct step {
	const struct step *up;
	const char *name; /* NULL: an index */
	size_t n; /* the name's length, or the index */
};

static const char *const type_names[] = {
	[FIELD_OBJECT] = "an object",   [FIELD_ARRAY] = "an array",     [FIELD_TEXT] = "a string",
	[FIELD_INT] = "a whole number", [FIELD_BOOL] = "true or false",
};

static bool has_type(const json_t *value, enum field_type type)
{
	switch (type) {
	case FIELD_OBJECT:
		return json_is_object(value);
	case FIELD_ARRAY:
		return json_is_array(value);
	case FIELD_TEXT:
		return json_is_string(value);
	case FIELD_INT:
		return json_is_integer(value);
	case FIELD_BOOL:
		return json_is_boolean(value);
	}
	return false;
}

static void put_place(struct buf *b, const struct step *here)
{
	if (here->up == NULL)
		return;
	put_place(b, here->up);
	if (here->name == NULL) {
		buf_printf(b, "[%zu]", here->n);
		return;
	}
	if (b->n > 0)
		buf_puts(b, ".");
	buf_put(b, here->name, here->n);
}

static int expect(const json_t *value, enum field_type type, const struct step *here,
		  struct err *err)
{
	if (has_type(value, type))
		return 0;
	struct buf place = buf_init(FIELD_PLACE_MAX);
	put_place(&place, here);
	err_set(err, ERR_INVALID, "%s is not %s",
		here->up != NULL ? buf_text(&place) : "the document", type_names[type]);
	buf_done(&place);
	return -1;
}

static int check(json_t *value, const char *path, enum field_type type, const struct step *here,
		 struct err *err);

static int check_each(json_t *value, const char *rest, enum field_type type,
		      const struct step *here, struct err *err)
{
	const char *key;
	json_t *member;

	for (size_t i = 0; json_is_array(value) && i < json_array_size(value); i++) {
		const struct step step = { here, NULL, i };

		if (check(json_array_get(value, i), rest, type, &step, err) == -1)
			return -1;
	}
	if (!json_is_object(value))
		return 0;
	json_object_foreach(value, key, member)
	{
		const struct step step = { here, key, strlen(key) };

		if (check(member, rest, type, &step, err) == -1)
			return -1;
	}
	return 0;
}

/* `path` is what is left of the pattern. */
static int check(json_t *value, const char *path, enum field_type type, const struct step *here,
		 struct err *err)
{
	if (*path == '\0')
		return expect(value, type, here, err);
	if (expect(value, FIELD_OBJECT, here, err) == -1)
		return -1;
	path += *path == '.';
	const struct step step = { here, path, strcspn(path, ".[{") };
	json_t *member = json_object_getn(value, step.name, step.n);
	path += step.n;
	if (member == NULL || json_is_null(member))
		return 0;
	if (*path != '[' && *path != '{')
		return check(member, path, type, &step, err);
	if (expect(member, *path == '[' ? FIELD_ARRAY : FIELD_OBJECT, &step, err) == -1)
		return -1;
	return check_each(member, path + strlen("[]"), type, &step, err);
}

int fields_check(json_t *root, const struct field *fields, size_t n, struct err *err)
{
	const struct step here = { 0 };

	for (size_t i = 0; i < n; i++)
		if (check(root, fields[i].path, fields[i].type, &here, err) == -1)
			return -1;
	return 0;
}
