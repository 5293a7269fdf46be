/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/json_patch.h"

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
	parse_index(token, json_array_size(parent), &index);
	return json_array_set(parent, index, value);
}

static int apply(json_t *document, const char *op, const char *pointer, json_t *value)
{
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
		if (strcmp(op, "remove") == 0)
			return remove_child(parent, token);
		if (value == NULL)
			return -1;
		if (strcmp(op, "add") == 0)
			return add(parent, token, value);
		return strcmp(op, "replace") == 0 ? replace(parent, token, value) : -1;
	}
}

int json_patch_apply(json_t *document, const json_t *patch, struct err *err)
{
	for (size_t i = 0; i < json_array_size(patch); i++) {
		const json_t *step = json_array_get(patch, i);
		const char *op = json_member_text(step, "op");
		const char *path = json_member_text(step, "path");
		/* Deep, so that the patch and the document share nothing. */
		AUTO(json_drop) json_t *value = json_deep_copy(json_object_get(step, "value"));

		if (op == NULL || path == NULL || apply(document, op, path, value) == -1)
			return err_set(err, ERR_INVALID, "operation %zu (%s %s) does not apply", i,
				       op != NULL ? op : "", path != NULL ? path : "");
	}
	return 0;
}
