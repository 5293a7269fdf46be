/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/image_ref.h"

#include <string.h>

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"
#define HUB "docker.io"
#define HUB_FOLDER "library/"
#define DIGEST_PREFIX "sha256:"

enum { DIGEST_DIGITS = 64, PORT_DIGITS_MAX = 5 };

bool image_ref_is_digest(const char *text)
{
	size_t n = strlen(DIGEST_PREFIX);

	return strncmp(text, DIGEST_PREFIX, n) == 0 &&
	       strspn(text + n, DIGITS "abcdef") == DIGEST_DIGITS &&
	       text[n + DIGEST_DIGITS] == '\0';
}

/* "[_]", "__", any number of "-", one "." between two runs of letters and digits. */
static size_t separator_length(const char *p)
{
	if (*p == '.')
		return 1;
	if (*p == '_')
		return p[1] == '_' ? 2 : 1;
	return strspn(p, "-");
}

/* One part of a repository's path; its length, or 0. */
static size_t component_length(const char *p)
{
	const char *start = p;

	for (;;) {
		size_t run = strspn(p, LOWER DIGITS);

		if (run == 0)
			return 0;
		p += run;
		size_t separator = separator_length(p);
		if (separator == 0)
			return (size_t)(p - start);
		p += separator;
	}
}

static bool is_repository(const char *p)
{
	for (;;) {
		size_t n = component_length(p);

		if (n == 0)
			return false;
		if (p[n] == '\0')
			return true;
		if (p[n] != '/')
			return false;
		p += n + 1;
	}
}

static bool is_port(const char *p)
{
	size_t n = strspn(p, DIGITS);

	return n > 0 && n <= PORT_DIGITS_MAX && p[n] == '\0';
}

static bool is_registry(const char *p)
{
	if (*p == '[') {
		size_t n = strspn(p + 1, DIGITS "abcdefABCDEF:");

		p += 1 + n;
		return n > 0 && p[0] == ']' && (p[1] == '\0' || (p[1] == ':' && is_port(p + 2)));
	}
	for (;;) {
		size_t n = strspn(p, LOWER UPPER DIGITS "-");

		if (n == 0 || p[0] == '-' || p[n - 1] == '-')
			return false;
		p += n;
		if (*p == '\0')
			return true;
		if (*p == ':')
			return is_port(p + 1);
		if (*p != '.')
			return false;
		p++;
	}
}

static bool is_tag(const char *p)
{
	static const char first[] = LOWER UPPER DIGITS "_";
	size_t n = strspn(p, LOWER UPPER DIGITS "_.-");

	return n > 0 && n <= IMAGE_TAG_MAX && p[n] == '\0' && strchr(first, *p) != NULL;
}

/* The part before the first '/' is a registry where it could be none of Docker Hub's users. */
static bool begins_with_registry(const char *name, size_t n)
{
	static const char local[] = "localhost";

	if (name[n] != '/')
		return false;
	for (size_t i = 0; i < n; i++)
		if (strchr("."
			   ":" UPPER,
			   name[i]) != NULL)
			return true;
	return n == strlen(local) && memcmp(name, local, n) == 0;
}

static void split_name(struct image_ref *ref)
{
	const char *name = ref->name;
	size_t n = strcspn(name, "/");

	if (begins_with_registry(name, n)) {
		memcpy(ref->registry, name, n);
		memcpy(ref->repository, name + n + 1, strlen(name + n + 1) + 1);
	} else {
		memcpy(ref->registry, HUB, sizeof(HUB));
		memcpy(ref->repository, name, strlen(name) + 1);
	}
	if (strcmp(ref->registry, "index." HUB) == 0)
		memcpy(ref->registry, HUB, sizeof(HUB));
	if (strcmp(ref->registry, HUB) == 0 && strchr(ref->repository, '/') == NULL) {
		memmove(ref->repository + strlen(HUB_FOLDER), ref->repository,
			strlen(ref->repository) + 1);
		memcpy(ref->repository, HUB_FOLDER, strlen(HUB_FOLDER));
	}
}

/* Takes "@DIGEST" and ":TAG" off the end of `text`; what is left is the name. */
static int split_ends(const char *text, struct image_ref *ref, struct err *err)
{
	size_t n = strcspn(text, "@");

	if (text[n] == '@') {
		if (!image_ref_is_digest(text + n + 1))
			return err_set(err, ERR_INVALID, "its digest is none of SHA-256");
		memcpy(ref->digest, text + n + 1, strlen(text + n + 1) + 1);
	}
	if (n >= IMAGE_NAME_MAX + IMAGE_TAG_MAX + 2)
		return err_set(err, ERR_INVALID, "it is too long");
	char rest[IMAGE_NAME_MAX + IMAGE_TAG_MAX + 2];
	memcpy(rest, text, n);
	rest[n] = '\0';
	char *slash = strrchr(rest, '/');
	char *colon = strchr(slash != NULL ? slash : rest, ':');
	if (colon != NULL) {
		*colon = '\0';
		if (!is_tag(colon + 1))
			return err_set(err, ERR_INVALID, "its tag is not one");
		memcpy(ref->tag, colon + 1, strlen(colon + 1) + 1);
	}
	if (strlen(rest) > IMAGE_NAME_MAX)
		return err_set(err, ERR_INVALID, "it is too long");
	memcpy(ref->name, rest, strlen(rest) + 1);
	return 0;
}

int image_ref_parse(const char *text, struct image_ref *out, struct err *err)
{
	struct image_ref ref = { 0 };

	if (split_ends(text, &ref, err) == -1)
		return -1;
	split_name(&ref);
	if (strlen(ref.registry) + 1 + strlen(ref.repository) > IMAGE_NAME_MAX)
		return err_set(err, ERR_INVALID, "it is too long");
	if (!is_registry(ref.registry) || !is_repository(ref.repository))
		return err_set(err, ERR_INVALID, "it is not REGISTRY/REPOSITORY:TAG in lower case");
	/* Runtimes take such a name for the id of an image that the node has. */
	if (strlen(ref.name) == DIGEST_DIGITS && strspn(ref.name, DIGITS "abcdef") == DIGEST_DIGITS)
		return err_set(err, ERR_INVALID, "it is the id of an image, not a name");
	if (ref.digest[0] != '\0')
		ref.tag[0] = '\0';
	else if (ref.tag[0] == '\0')
		memcpy(ref.tag, "latest", strlen("latest") + 1);
	*out = ref;
	return 0;
}

const char *image_ref_server(const struct image_ref *ref)
{
	return strcmp(ref->registry, HUB) == 0 ? "registry-1." HUB : ref->registry;
}

void image_ref_put(const struct image_ref *ref, struct buf *out)
{
	buf_printf(out, "%s/%s%c%s", ref->registry, ref->repository,
		   ref->digest[0] != '\0' ? '@' : ':',
		   ref->digest[0] != '\0' ? ref->digest : ref->tag);
}
