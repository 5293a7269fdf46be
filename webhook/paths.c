/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/paths.h"

#include <string.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "webhook/names.h"

/* Also those of other topologies, and both spellings of /run: images link one to the other. */
static const char *const reserved[] = {
	PATH_BIN,
	"/etc/openshell",
	"/etc/openshell-tls",
	PATH_RUN,
	("/var" PATH_RUN),
	"/run/openshell-sidecar",
	"/var/run/openshell-sidecar",
	"/run/netns",
	"/var/run/netns",
	PATH_PROXY_STATE,
	("/var" PATH_PROXY_STATE),
	"/run/secrets/openshell",
	"/var/run/secrets/openshell",
	PATH_START_ROOT,
};

/* The next component: skips "//" and "/./". `*out_n` is 0 at the end. */
static const char *component(const char *path, size_t *out_n)
{
	for (;;) {
		path += strspn(path, "/");
		*out_n = strcspn(path, "/");
		if (*out_n != 1 || path[0] != '.')
			return path;
		path++;
	}
}

/* Components of `*a` and `*b` are skipped as long as they are equal. */
static void skip_common(const char **a, const char **b)
{
	for (;;) {
		size_t na, nb;

		*a = component(*a, &na);
		*b = component(*b, &nb);
		if (na == 0 || na != nb || strncmp(*a, *b, na) != 0)
			return;
		*a += na;
		*b += nb;
	}
}

bool path_is_plain(const char *path)
{
	size_t n;

	if (*path != '/')
		return false;
	for (path = component(path, &n); n > 0; path = component(path + n, &n))
		if (n == 2 && strncmp(path, "..", 2) == 0)
			return false;
	return true;
}

char *path_clean(const char *path)
{
	/* A path that is not absolute gets one more '/'. */
	char *clean = mem_calloc(strlen(path) + 2, 1);
	char *end = clean;
	size_t n;

	for (path = component(path, &n); n > 0; path = component(path + n, &n)) {
		*end++ = '/';
		memcpy(end, path, n);
		end += n;
	}
	return clean;
}

size_t path_parts(const char *path)
{
	size_t parts = 0;
	size_t n;

	for (path = component(path, &n); n > 0; path = component(path + n, &n))
		parts++;
	return parts;
}

bool path_equals(const char *a, const char *b)
{
	skip_common(&a, &b);
	return *a == '\0' && *b == '\0';
}

bool path_is_inside(const char *path, const char *folder)
{
	skip_common(&path, &folder);
	return *folder == '\0';
}

bool path_conflicts(const char *a, const char *b)
{
	skip_common(&a, &b);
	return *a == '\0' || *b == '\0';
}

static const char *find_reserved(const char *path, bool (*matches)(const char *, const char *))
{
	for (size_t i = 0; i < ARRAY_LEN(reserved); i++)
		if (matches(path, reserved[i]))
			return reserved[i];
	return NULL;
}

const char *path_reserved_conflict(const char *path)
{
	return find_reserved(path, path_conflicts);
}

const char *path_reserved_around(const char *path)
{
	return find_reserved(path, path_is_inside);
}
