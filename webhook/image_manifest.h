/* SPDX-License-Identifier: Apache-2.0 */
/* image_manifest: what a registry gives for the name of an image: a manifest, which leads to one configuration, or
 * an index, which leads to one manifest for each kind of machine (OCI and Docker alike). Pure. */
#ifndef WEBHOOK_IMAGE_MANIFEST_H
#define WEBHOOK_IMAGE_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"
#include "lib/rd.h"
#include "webhook/image_ref.h"

enum {
	/* The agent is made for two architectures. */
	IMAGE_ARCHES_MAX = 4,
	/* Manifests that a node could choose: all of them are read. */
	IMAGE_CHOICES_MAX = 6,
};

/* Architectures of the nodes where a pod may run, as Go names them: "amd64". */
struct image_arches {
	const char *items[IMAGE_ARCHES_MAX];
	size_t n;
};

struct image_manifest {
	bool is_index;
	/* Of the configuration; or of the manifests that nodes could choose, each once. */
	char digests[IMAGE_CHOICES_MAX][IMAGE_DIGEST_SIZE];
	size_t n; /* at least 1 */
};

/* ERR_INVALID: neither of the two, or both; an old form; nothing for `arches`; an entry of which it is not
 * certain who would choose it. ERR_LIMIT: too many choices. */
int image_manifest_parse(struct slice text, const struct image_arches *arches,
			 struct image_manifest *out, struct err *err);

/* Whether Go knows the architecture by this name. */
bool image_manifest_is_arch(const char *name);

#endif
