/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/edits.h"

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/mem.h"

enum { EDITS_PATH_MAX = 4096 };

const char *edits_op_name(enum edit_op op)
{
	static const char *const names[] = {
		[EDIT_ADD] = "add",
		[EDIT_REPLACE] = "replace",
		[EDIT_REMOVE] = "remove",
	};

	return names[op];
}

static void put(struct edits *edits, enum edit_op op, const char *path, json_t *value)
{
	edits->items = mem_grow(edits->items, edits->n, &edits->cap, sizeof(*edits->items));
	edits->items[edits->n++] = (struct edit){ op, mem_strdup(path), value };
}

void edits_done(struct edits *edits)
{
	for (size_t i = 0; i < edits->n; i++) {
		free(edits->items[i].path);
		json_decref(edits->items[i].value);
	}
	free(edits->items);
	*edits = (struct edits){ 0 };
}

void edits_add(struct edits *edits, const char *path, json_t *want)
{
	put(edits, EDIT_ADD, path, want);
}

void edits_remove(struct edits *edits, const char *path)
{
	put(edits, EDIT_REMOVE, path, NULL);
}

void edits_set(struct edits *edits, const char *path, const json_t *have, json_t *want)
{
	if (have != NULL && json_equal(have, want)) {
		json_decref(want);
		return;
	}
	put(edits, have == NULL ? EDIT_ADD : EDIT_REPLACE, path, want);
}

/* RFC 6901: '~' and '/' are written ~0 and ~1. */
static void put_token(struct buf *b, const char *key)
{
	for (; *key != '\0'; key++) {
		if (*key == '~')
			buf_puts(b, "~0");
		else if (*key == '/')
			buf_puts(b, "~1");
		else
			buf_put(b, key, 1);
	}
}

void edits_merge(struct edits *edits, const char *path, const json_t *have, json_t *want)
{
	AUTO(json_drop) json_t *owned = want;
	const char *key;
	json_t *value;

	if (have == NULL) {
		put(edits, EDIT_ADD, path, STEAL(owned));
		return;
	}
	json_object_foreach(want, key, value)
	{
		AUTO(buf_done) struct buf member = buf_init(EDITS_PATH_MAX);

		buf_printf(&member, "%s/", path);
		put_token(&member, key);
		edits_set(edits, buf_text(&member), json_member(have, key), json_incref(value));
	}
}

static bool has_element(const json_t *array, const json_t *element)
{
	for (size_t i = 0; i < json_array_size(array); i++)
		if (json_equal(json_array_get(array, i), element))
			return true;
	return false;
}

void edits_append(struct edits *edits, const char *path, const json_t *have, json_t *want)
{
	AUTO(json_drop) json_t *owned = want;
	AUTO_FREE char *end = mem_printf("%s/-", path);

	if (have == NULL) {
		put(edits, EDIT_ADD, path, STEAL(owned));
		return;
	}
	for (size_t i = 0; i < json_array_size(want); i++) {
		json_t *element = json_array_get(want, i);

		if (!has_element(have, element))
			put(edits, EDIT_ADD, end, json_incref(element));
	}
}
