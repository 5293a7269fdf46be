/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/parse.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

struct path_list {
	struct policy_paths *paths;
	bool writable;
};

static bool has_dot_dot(const char *path)
{
	for (const char *p = path; (p = strstr(p, "..")) != NULL; p += 2)
		if ((p == path || p[-1] == '/') && (p[2] == '/' || p[2] == '\0'))
			return true;
	return false;
}

/* "/a//b/./c/" names what "/a/b/c" names. */
static char *tidy_path(struct arena *arena, const char *path)
{
	char *tidy = arena_alloc(arena, strlen(path) + 2, 1);
	size_t n = 0;

	while (*path != '\0') {
		size_t slashes = strspn(path, "/");
		size_t segment = strcspn(path + slashes, "/");

		path += slashes;
		if (segment > 0 && !(segment == 1 && path[0] == '.')) {
			tidy[n++] = '/';
			memcpy(tidy + n, path, segment);
			n += segment;
		}
		path += segment;
	}
	if (n == 0)
		tidy[0] = '/';
	return tidy;
}

static void read_path(const struct value *value, void *out)
{
	const struct path_list *list = out;
	struct policy_paths *paths = list->paths;
	struct slice text;

	if (!value_text(value, &text))
		return;
	const char *path = (const char *)text.p;
	if (text.n > POLICY_PATH_BYTES_MAX) {
		value_error(value, "is %zu bytes long, the limit is %d; shorten it", text.n,
			    POLICY_PATH_BYTES_MAX);
		return;
	}
	if (path[0] != '/') {
		value_error(value, "%s is not absolute; write the path from '/'", quote(text).text);
		return;
	}
	if (has_dot_dot(path)) {
		value_error(value, "%s has a '..'; write the path without it", quote(text).text);
		return;
	}
	if (strpbrk(path, "*?") != NULL)
		value_warning(
			value,
			"%s is taken as it stands, patterns have no meaning here; name the folder",
			quote(text).text);
	char *tidy = tidy_path(value->reader->arena, path);
	if (list->writable && strcmp(tidy, "/") == 0) {
		value_error(value, "'/' cannot be writable; name the folders that must be");
		return;
	}
	/* One more than allowed is kept, so that the limit is seen. */
	if (paths->n <= POLICY_PATHS_MAX)
		paths->items[paths->n++] = tidy;
}

static void read_paths(const struct value *value, struct policy_paths *out, bool writable)
{
	struct path_list list = { out, writable };

	if (out->items == NULL)
		out->items = arena_alloc(value->reader->arena, POLICY_PATHS_MAX + 1,
					 sizeof(*out->items));
	value_each(value, "a list of paths", read_path, &list);
}

static void read_read_only(const struct value *value, void *out)
{
	struct policy_filesystem *fs = out;

	read_paths(value, &fs->read_only, false);
}

static void read_read_write(const struct value *value, void *out)
{
	struct policy_filesystem *fs = out;

	read_paths(value, &fs->read_write, true);
}

static void read_include_workdir(const struct value *value, void *out)
{
	struct policy_filesystem *fs = out;

	value_bool(value, &fs->include_workdir);
}

void parse_filesystem(const struct value *value, struct policy_filesystem *out)
{
	static const struct field fields[] = {
		{ "include_workdir", read_include_workdir },
		{ "read_only", read_read_only },
		{ "read_write", read_read_write },
	};
	static const struct field_set set = {
		.what = "filesystem_policy",
		.fields = fields,
		.n = ARRAY_LEN(fields),
	};

	out->present = true;
	value_fields(value, &set, out);
	if (out->read_only.n + out->read_write.n > POLICY_PATHS_MAX)
		value_error(value, "lists more than %d paths; name folders instead of their files",
			    POLICY_PATHS_MAX);
}

static void read_compatibility(const struct value *value, void *out)
{
	static const char *const words[] = { "best_effort", "hard_requirement" };
	static const enum policy_landlock modes[] = {
		POLICY_LANDLOCK_BEST_EFFORT,
		POLICY_LANDLOCK_HARD_REQUIREMENT,
	};
	enum policy_landlock *mode = out;
	size_t which;

	if (value_word(value, words, ARRAY_LEN(words), &which))
		*mode = modes[which];
}

void parse_landlock(const struct value *value, enum policy_landlock *out)
{
	static const struct field fields[] = { { "compatibility", read_compatibility } };
	static const struct field_set set = {
		.what = "landlock",
		.fields = fields,
		.n = ARRAY_LEN(fields),
	};

	value_fields(value, &set, out);
}

/* `sandbox`, or a number, with or without quotes: both ways of writing it are common. */
static void read_identity(const struct value *value, void *out)
{
	const struct tree_node *node = value->node;
	uint32_t *id = out;

	if (!value_is(value, TREE_SCALAR, "a number, or sandbox"))
		return;
	const char *text = (const char *)node->text.p;
	bool digits = node->text.n > 0 && strspn(text, "0123456789") == node->text.n;
	unsigned long number = digits && node->text.n <= 10 ? strtoul(text, NULL, 10) : 0;

	if (strcmp(text, "sandbox") == 0 && node->text.n == strlen("sandbox"))
		*id = 0;
	else if (digits && text[0] != '0' && number >= 1 && number <= UINT32_MAX - 1)
		*id = (uint32_t)number;
	else if (strcmp(text, "root") == 0 || (digits && strspn(text, "0") == node->text.n))
		value_error(value, "%s is root, which no sandbox runs as; write 1..4294967294",
			    quote(node->text).text);
	else
		value_error(value, "%s is no numeric identity; write 1..4294967294 or sandbox",
			    quote(node->text).text);
}

static void read_user(const struct value *value, void *out)
{
	struct policy_process *process = out;

	read_identity(value, &process->run_as_user);
}

static void read_group(const struct value *value, void *out)
{
	struct policy_process *process = out;

	read_identity(value, &process->run_as_group);
}

void parse_process(const struct value *value, struct policy_process *out)
{
	static const struct field fields[] = {
		{ "run_as_user", read_user },
		{ "run_as_group", read_group },
	};
	static const struct field_set set = {
		.what = "process",
		.fields = fields,
		.n = ARRAY_LEN(fields),
	};

	value_fields(value, &set, out);
}
