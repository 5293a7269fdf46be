/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/patch_apply.h"

#include <string.h>

#include "lib/cleanup.h"
#include "lib/mem.h"

/* One step of a pointer, unescaped; the caller frees it. */
static char *take_token(const char **pointer)
{
	size_t n = strcspn(*pointer, "/"), k = 0;
	char *token = mem_strndup(*pointer, n);

	*pointer += n;
	for (size_t i = 0; i < n; i++) {
		char c = token[i];

		if (c == '~' && i + 1 < n)
			c = token[++i] == '1' ? '/' : '~';
		token[k++] = c;
	}
	token[k] = '\0';
	return token;
}

static bool parse_index(const char *token, size_t size, size_t *out)
{
	char *end;

	if (*token < '0' || *token > '9' || (token[0] == '0' && token[1] != '\0'))
		return false;
	unsigned long index = strtoul(token, &end, 10);
	if (*end != '\0' || index >= size)
		return false;
	*out = index;
	return true;
}

static json_t *child(json_t *parent, const char *token)
{
	size_t index;

	if (json_is_object(parent))
		return json_object_get(parent, token);
	if (json_is_array(parent) && parse_index(token, json_array_size(parent), &index))
		return json_array_get(parent, index);
	return NULL;
}

static int add(json_t *parent, const char *token, json_t *value)
{
	size_t index;

	if (json_is_object(parent))
		return json_object_set(parent, token, value);
	if (!json_is_array(parent))
		return -1;
	if (strcmp(token, "-") == 0)
		return json_array_append(parent, value);
	if (!parse_index(token, json_array_size(parent) + 1, &index))
		return -1;
	return json_array_insert(parent, index, value);
}

static int remove_child(json_t *parent, const char *token)
{
	size_t index;

	if (json_is_object(parent))
		return json_object_del(parent, token);
	if (json_is_array(parent) && parse_index(token, json_array_size(parent), &index))
		return json_array_remove(parent, index);
	return -1;
}

static int replace(json_t *parent, const char *token, json_t *value)
{
	size_t index;

	if (child(parent, token) == NULL)
		return -1;
	if (json_is_object(parent))
		return json_object_set(parent, token, value);
	if (!parse_index(token, json_array_size(parent), &index))
		return -1;
	return json_array_set(parent, index, value);
}

static int apply(json_t *document, const struct edit *edit, json_t *value)
{
	const char *pointer = edit->path;
	json_t *parent = document;

	if (*pointer++ != '/')
		return -1;
	for (;;) {
		AUTO_FREE char *token = take_token(&pointer);

		if (*pointer == '/') {
			pointer++;
			parent = child(parent, token);
			continue;
		}
		if (edit->op == EDIT_REMOVE)
			return remove_child(parent, token);
		if (value == NULL)
			return -1;
		return edit->op == EDIT_ADD ? add(parent, token, value)
					    : replace(parent, token, value);
	}
}

int patch_apply(json_t *document, const struct edits *edits, struct err *err)
{
	for (size_t i = 0; i < edits->n; i++) {
		const struct edit *edit = &edits->items[i];
		/* Deep, so that the edits and the document share nothing. */
		AUTO(json_drop) json_t *value = json_deep_copy(edit->value);

		if (apply(document, edit, value) == -1)
			return err_set(err, ERR_INVALID, "operation %zu (%s %s) does not apply", i,
				       edits_op_name(edit->op), edit->path);
	}
	return 0;
}
