/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/namespaces.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/mem.h"
#include "webhook/fields.h"
#include "webhook/manifest.h"

/* Some thousands of namespaces, with what others wrote on them. */
enum { NAMESPACES_MAX = 16 << 20 };

static const struct field fields[] = {
	{ "kind", FIELD_TEXT },
	{ "metadata.name", FIELD_TEXT },
	{ "metadata.labels{}", FIELD_TEXT },
	{ "metadata.annotations{}", FIELD_TEXT },
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct namespace_facts *)a)->name,
		      ((const struct namespace_facts *)b)->name);
}

static int read_one(json_t *object, struct namespace_facts *out, struct err *err)
{
	const char *kind = json_member_text(object, "kind");

	if (fields_check(object, fields, ARRAY_LEN(fields), err) == -1)
		return -1;
	if (kind == NULL || strcmp(kind, "Namespace") != 0)
		return err_set(err, ERR_INVALID, "kind is not Namespace");
	const json_t *meta = json_member(object, "metadata");
	const char *name = json_member_text(meta, "name");
	if (name == NULL || *name == '\0')
		return err_set(err, ERR_INVALID, "metadata.name is missing");
	*out = (struct namespace_facts){
		.name = name,
		.labels = json_member(meta, "labels"),
		.annotations = json_member(meta, "annotations"),
	};
	return 0;
}

static int read_all(struct namespaces *found, struct err *err)
{
	found->n = json_array_size(found->owner);
	found->items = mem_calloc(found->n, sizeof(*found->items));
	for (size_t i = 0; i < found->n; i++)
		if (read_one(json_array_get(found->owner, i), &found->items[i], err) == -1)
			return err_wrap(err, "object %zu", i + 1);
	qsort(found->items, found->n, sizeof(*found->items), by_name);
	for (size_t i = 1; i < found->n; i++)
		if (strcmp(found->items[i - 1].name, found->items[i].name) == 0)
			return err_set(err, ERR_INVALID, "namespace '%s' is given twice",
				       found->items[i].name);
	return 0;
}

int namespaces_take(json_t *objects, struct namespaces *out, struct err *err)
{
	struct namespaces found = { .owner = objects };

	if (read_all(&found, err) == -1) {
		namespaces_done(&found);
		return -1;
	}
	*out = found;
	return 0;
}

int namespaces_parse(struct slice text, struct namespaces *out, struct err *err)
{
	json_t *objects;

	if (manifest_parse(text, &objects, err) == -1)
		return -1;
	return namespaces_take(objects, out, err);
}

int namespaces_load(const char *path, struct namespaces *out, struct err *err)
{
	AUTO(buf_done) struct buf text = buf_init(NAMESPACES_MAX);

	if (io_read_file(path, &text, err) == -1)
		return -1;
	if (namespaces_parse(buf_slice(&text), out, err) == -1)
		return err_wrap(err, "'%s'", path);
	return 0;
}

void namespaces_share(const struct namespaces *namespaces, struct namespaces *out)
{
	struct namespaces shared = { .n = namespaces->n, .owner = json_incref(namespaces->owner) };

	shared.items = mem_calloc(shared.n, sizeof(*shared.items));
	if (shared.n > 0)
		memcpy(shared.items, namespaces->items, shared.n * sizeof(*shared.items));
	*out = shared;
}

static bool is_same(const struct namespace_facts *a, const struct namespace_facts *b)
{
	/* Of NULL, which is none, there is one. */
	return (a->labels == b->labels || json_equal(a->labels, b->labels)) &&
	       (a->annotations == b->annotations || json_equal(a->annotations, b->annotations));
}

void namespaces_compare(const struct namespaces *before, const struct namespaces *after,
			void (*differs)(void *cls, const char *name), void *cls)
{
	size_t i = 0, j = 0;

	if (before->owner == after->owner)
		return;
	while (i < before->n || j < after->n) {
		int order = i == before->n  ? 1
			    : j == after->n ? -1
					    : by_name(&before->items[i], &after->items[j]);

		if (order < 0)
			differs(cls, before->items[i].name);
		else if (order > 0 || !is_same(&before->items[i], &after->items[j]))
			differs(cls, after->items[j].name);
		i += order <= 0;
		j += order >= 0;
	}
}

void namespaces_done(struct namespaces *namespaces)
{
	free(namespaces->items);
	json_decref(namespaces->owner);
	*namespaces = (struct namespaces){ 0 };
}

const struct namespace_facts *namespaces_find(const struct namespaces *namespaces, const char *name)
{
	struct namespace_facts wanted = { .name = name };

	if (namespaces->n == 0)
		return NULL;
	return bsearch(&wanted, namespaces->items, namespaces->n, sizeof(wanted), by_name);
}
