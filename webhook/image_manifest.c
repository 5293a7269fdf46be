/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/image_manifest.h"

#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "webhook/image_json.h"

#define OCI "application/vnd.oci.image."
#define DOCKER "application/vnd.docker.distribution.manifest."

static const char *const manifest_types[] = { OCI "manifest.v1+json", DOCKER "v2+json" };
static const char *const index_types[] = { OCI "index.v1+json", DOCKER "list.v2+json" };
static const char *const config_types[] = { OCI "config.v1+json",
					    "application/vnd.docker.container.image.v1+json" };

/* "unknown" is what builders say of attestations, which no machine chooses. */
static const char *const known_arches[] = {
	"386",      "amd64", "arm",     "arm64",   "loong64", "mips", "mips64",  "mipsle",
	"mips64le", "ppc64", "ppc64le", "riscv64", "s390x",   "wasm", "unknown",
};
static const char *const other_systems[] = { "windows", "darwin", "freebsd", "unknown", "wasip1" };

/* What a runtime takes where an index has nothing for the architecture itself. */
static const struct {
	const char *arch, *instead;
} fallbacks[] = { { "amd64", "386" }, { "arm64", "arm" } };

static bool is_one_of(const char *text, const char *const *list, size_t n)
{
	for (size_t i = 0; text != NULL && i < n; i++)
		if (strcmp(text, list[i]) == 0)
			return true;
	return false;
}

#define IS_ONE_OF(text, list) is_one_of(text, list, ARRAY_LEN(list))

bool image_manifest_is_arch(const char *name)
{
	return IS_ONE_OF(name, known_arches) && strcmp(name, "unknown") != 0;
}

/* --- descriptors ------------------------------------------------------------------------------ */

static int read_digest(json_t *descriptor, const char *what, const char **out, struct err *err)
{
	static const char *const names[] = { "mediaType", "digest", "platform", "size" };

	if (image_json_object(descriptor, names, ARRAY_LEN(names), what, err) == -1 ||
	    image_json_text(descriptor, "digest", out, err) == -1)
		return -1;
	if (*out == NULL || !image_ref_is_digest(*out))
		return err_set(err, ERR_INVALID, "%s has no digest of SHA-256", what);
	return 0;
}

static int add(const char *digest, struct image_manifest *out, struct err *err)
{
	for (size_t i = 0; i < out->n; i++)
		if (strcmp(out->digests[i], digest) == 0)
			return 0;
	if (out->n == IMAGE_CHOICES_MAX)
		return err_set(err, ERR_LIMIT,
			       "nodes could choose between more than %d images of its index",
			       IMAGE_CHOICES_MAX);
	memcpy(out->digests[out->n++], digest, strlen(digest) + 1);
	return 0;
}

static int read_manifest(json_t *root, struct image_manifest *out, struct err *err)
{
	json_t *config = json_member(root, "config");
	const char *digest = NULL, *type = NULL;

	if (read_digest(config, "its configuration", &digest, err) == -1 ||
	    image_json_text(config, "mediaType", &type, err) == -1)
		return -1;
	if (!IS_ONE_OF(type, config_types))
		return err_set(err, ERR_INVALID, "it is not an image, but something else");
	return add(digest, out, err);
}

/* --- the index -------------------------------------------------------------------------------- */

struct entry {
	const char *digest;
	const char *arch; /* NULL: for another system than Linux */
};

static int read_entry(json_t *descriptor, struct entry *out, struct err *err)
{
	static const char *const names[] = { "architecture", "os", "variant" };
	json_t *platform = NULL;
	const char *arch = NULL, *os = NULL, *type = NULL;

	if (read_digest(descriptor, "an entry of its index", &out->digest, err) == -1 ||
	    image_json_text(descriptor, "mediaType", &type, err) == -1)
		return -1;
	platform = json_member(descriptor, "platform");
	/* Runtimes look into such an entry, and take it where it fits. */
	if (platform == NULL)
		return err_set(err, ERR_INVALID, "an entry of its index is for no platform");
	if (image_json_object(platform, names, ARRAY_LEN(names), "a platform of its index", err) ==
		    -1 ||
	    image_json_text(platform, "architecture", &arch, err) == -1 ||
	    image_json_text(platform, "os", &os, err) == -1)
		return -1;
	/* Other spellings are taken for one of these by some. */
	if (!IS_ONE_OF(arch, known_arches) || os == NULL ||
	    (strcmp(os, "linux") != 0 && !IS_ONE_OF(os, other_systems)))
		return err_set(err, ERR_INVALID, "a platform of its index is not known");
	out->arch = strcmp(os, "linux") == 0 ? arch : NULL;
	if (out->arch != NULL && !IS_ONE_OF(type, manifest_types))
		return err_set(err, ERR_INVALID, "an entry of its index is no image");
	return 0;
}

/* How many entries are for `arch`. */
static int choose(json_t *entries, const char *arch, struct image_manifest *out, size_t *out_n,
		  struct err *err)
{
	*out_n = 0;
	for (size_t i = 0; i < json_array_size(entries); i++) {
		struct entry entry = { 0 };

		if (read_entry(json_array_get(entries, i), &entry, err) == -1)
			return -1;
		if (entry.arch == NULL || strcmp(entry.arch, arch) != 0)
			continue;
		(*out_n)++;
		if (add(entry.digest, out, err) == -1)
			return -1;
	}
	return 0;
}

static int choose_instead(json_t *entries, const char *arch, struct image_manifest *out,
			  struct err *err)
{
	size_t ignored;

	for (size_t i = 0; i < ARRAY_LEN(fallbacks); i++)
		if (strcmp(fallbacks[i].arch, arch) == 0 &&
		    choose(entries, fallbacks[i].instead, out, &ignored, err) == -1)
			return -1;
	return 0;
}

static int read_index(json_t *root, const struct image_arches *arches, struct image_manifest *out,
		      struct err *err)
{
	json_t *entries = json_member(root, "manifests");

	if (!json_is_array(entries))
		return err_set(err, ERR_INVALID, "its index is no list");
	for (size_t i = 0; i < arches->n; i++) {
		size_t n = 0;

		if (choose(entries, arches->items[i], out, &n, err) == -1 ||
		    (n == 0 && choose_instead(entries, arches->items[i], out, err) == -1))
			return -1;
	}
	if (out->n == 0)
		return err_set(err, ERR_INVALID, "there is none for %s%s", arches->items[0],
			       arches->n > 1 ? " or the other architectures of nodes" : "");
	return 0;
}

int image_manifest_parse(struct slice text, const struct image_arches *arches,
			 struct image_manifest *out, struct err *err)
{
	static const char *const names[] = { "schemaVersion", "mediaType", "config",
					     "manifests",     "layers",    "fsLayers" };
	AUTO(json_drop) json_t *root = NULL;
	struct image_manifest manifest = { 0 };
	const char *type = NULL;

	if (json_parse(text, &root, err) == -1 ||
	    image_json_object(root, names, ARRAY_LEN(names), "its manifest", err) == -1 ||
	    image_json_text(root, "mediaType", &type, err) == -1)
		return -1;
	if (json_integer_value(json_member(root, "schemaVersion")) != 2)
		return err_set(err, ERR_INVALID, "its manifest is of an old or unknown version");
	manifest.is_index = json_object_get(root, "manifests") != NULL;
	/* What is both is one thing to one runtime and another to the next (CVE-2021-41190). */
	if (manifest.is_index &&
	    (json_object_get(root, "config") != NULL || json_object_get(root, "layers") != NULL))
		return err_set(err, ERR_INVALID, "it is an index and an image at once");
	if (type != NULL &&
	    !(manifest.is_index ? IS_ONE_OF(type, index_types) : IS_ONE_OF(type, manifest_types)))
		return err_set(err, ERR_INVALID, "its manifest is of another type than it says");
	if ((manifest.is_index ? read_index(root, arches, &manifest, err)
			       : read_manifest(root, &manifest, err)) == -1)
		return -1;
	*out = manifest;
	return 0;
}
