/* SPDX-License-Identifier: Apache-2.0 */
/* image_ref: the name of an image, as container runtimes read it: what is left out of it is Docker Hub's, and
 * the tag is latest. Pure. */
#ifndef WEBHOOK_IMAGE_REF_H
#define WEBHOOK_IMAGE_REF_H

#include <stdbool.h>

#include "lib/buf.h"
#include "lib/err.h"

enum {
	/* The distribution's own limit for registry and repository together. */
	IMAGE_NAME_MAX = 255,
	IMAGE_TAG_MAX = 128,
	/* "sha256:" and 64 digits. */
	IMAGE_DIGEST_SIZE = 72,
};

/* Zeroed ones are empty. */
struct image_ref {
	char name[IMAGE_NAME_MAX + 1]; /* as it was written, without tag and digest */
	char registry[IMAGE_NAME_MAX + 1]; /* "docker.io", "registry.example:5000", "[::1]:5000" */
	char repository[IMAGE_NAME_MAX + sizeof("library/")];
	char tag[IMAGE_TAG_MAX + 1]; /* "" where there is a digest, which decides */
	char digest[IMAGE_DIGEST_SIZE]; /* "" where there is none */
};

/* ERR_INVALID: no runtime takes it, or its digest is none of SHA-256. */
int image_ref_parse(const char *text, struct image_ref *out, struct err *err);

/* Whether `text` is "sha256:" and 64 digits in lower case, and nothing else. */
bool image_ref_is_digest(const char *text);

/* Where the registry answers: "registry-1.docker.io" for Docker Hub. */
const char *image_ref_server(const struct image_ref *ref);

/* The one spelling of the name, for comparing: "docker.io/library/nginx:latest". */
void image_ref_put(const struct image_ref *ref, struct buf *out);

#endif
