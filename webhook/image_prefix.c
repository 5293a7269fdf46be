/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/image_prefix.h"

#include <string.h>
#include <strings.h>

#include "lib/cleanup.h"
#include "lib/mem.h"

/* What is put before the path, so that no name is Docker Hub's short form of another. */
#define FOLDER "x/"

static bool names_one_image(const char *path)
{
	return strpbrk(path, ":@") != NULL;
}

int image_prefix_parse(const char *text, struct image_prefix *out, struct err *err)
{
	size_t host = strcspn(text, "/");
	const char *path = text[host] == '/' ? text + host + 1 : "";
	AUTO_FREE char *name =
		mem_printf("%.*s/" FOLDER "%s", (int)host, text, path[0] != '\0' ? path : "x");
	struct image_ref ref;

	if (names_one_image(path))
		return err_set(err, ERR_INVALID, "it has a tag or a digest");
	if (image_ref_parse(name, &ref, err) == -1)
		return -1;
	/* A first part that is no registry was taken for a user of Docker Hub. */
	if (strncmp(ref.repository, FOLDER, strlen(FOLDER)) != 0)
		return err_set(err, ERR_INVALID, "it does not begin with a registry");
	*out = (struct image_prefix){ 0 };
	memcpy(out->registry, ref.registry, sizeof(out->registry));
	memcpy(out->path, path, strlen(path) + 1);
	return 0;
}

bool image_prefix_matches(const struct image_prefix *prefix, const struct image_ref *ref)
{
	size_t n = strlen(prefix->path);

	if (strcasecmp(prefix->registry, ref->registry) != 0)
		return false;
	return n == 0 || (strncmp(prefix->path, ref->repository, n) == 0 &&
			  (ref->repository[n] == '\0' || ref->repository[n] == '/'));
}

bool image_prefix_equals(const struct image_prefix *a, const struct image_prefix *b)
{
	return strcasecmp(a->registry, b->registry) == 0 && strcmp(a->path, b->path) == 0;
}
