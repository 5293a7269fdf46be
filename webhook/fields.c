/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/fields.h"

#include <string.h>

enum { FIELD_NAME_MAX = 64, FIELD_PLACE_MAX = 256 };

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

static int expect(const json_t *value, enum field_type type, struct buf *place, struct err *err)
{
	if (has_type(value, type))
		return 0;
	return err_set(err, ERR_INVALID, "%s is not %s",
		       place->n > 0 ? buf_text(place) + 1 : "the document", type_names[type]);
}

static void cut_back(struct buf *place, size_t n)
{
	place->overflow = false;
	place->n = n;
	if (place->p != NULL)
		place->p[n] = '\0';
}

static int check(json_t *value, const char *path, enum field_type type, struct buf *place,
		 struct err *err);

static int check_each(json_t *value, const char *rest, enum field_type type, struct buf *place,
		      struct err *err)
{
	size_t mark = place->n;

	for (size_t i = 0; json_is_array(value) && i < json_array_size(value); i++) {
		buf_printf(place, "[%zu]", i);
		if (check(json_array_get(value, i), rest, type, place, err) == -1)
			return -1;
		cut_back(place, mark);
	}
	if (!json_is_object(value))
		return 0;
	const char *key;
	json_t *member;

	/* The macro casts const away inside jansson; nothing is written. */
	json_object_foreach(value, key, member)
	{
		buf_printf(place, ".%s", key);
		if (check(member, rest, type, place, err) == -1)
			return -1;
		cut_back(place, mark);
	}
	return 0;
}

/* `path` is what is left of the pattern; `place` is where `value` is. */
static int check(json_t *value, const char *path, enum field_type type, struct buf *place,
		 struct err *err)
{
	char name[FIELD_NAME_MAX];

	if (*path == '\0')
		return expect(value, type, place, err);
	if (expect(value, FIELD_OBJECT, place, err) == -1)
		return -1;
	path += *path == '.';
	size_t n = strcspn(path, ".[{");
	memcpy(name, path, n);
	name[n] = '\0';
	path += n;
	json_t *member = json_member(value, name);
	if (member == NULL)
		return 0;
	buf_printf(place, ".%s", name);
	if (*path != '[' && *path != '{')
		return check(member, path, type, place, err);
	if (expect(member, *path == '[' ? FIELD_ARRAY : FIELD_OBJECT, place, err) == -1)
		return -1;
	return check_each(member, path + strlen("[]"), type, place, err);
}

int fields_check(json_t *root, const struct field *fields, size_t n, struct err *err)
{
	struct buf place = buf_init(FIELD_PLACE_MAX);
	int result = 0;

	for (size_t i = 0; i < n && result == 0; i++) {
		buf_clear(&place);
		result = check(root, fields[i].path, fields[i].type, &place, err);
	}
	buf_done(&place);
	return result;
}
