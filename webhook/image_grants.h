/* SPDX-License-Identifier: Apache-2.0 */
/* image_grants: for whose pods an image is looked up with a login. An answer tells whoever may make pods there how the
 * image starts, and needs no pull secret of theirs: so it is for whoever runs the cluster to say. Pure. */
#ifndef WEBHOOK_IMAGE_GRANTS_H
#define WEBHOOK_IMAGE_GRANTS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/cmd.h"
#include "lib/err.h"
#include "webhook/image_prefix.h"

struct image_grant {
	struct image_prefix prefix;
	const char *namespaces; /* "a,b", or "*" for all */
};

/* Texts borrow from argv; image_grants_done() frees the rest. Zeroed ones grant nothing. */
struct image_grants {
	struct image_grant *items;
	size_t n;
};

/* Each "registry.example/team=NAMESPACE,..." or "registry.example/team=*". ERR_INVALID: it is not, or the prefix is
 * given twice. */
int image_grants_parse(const struct cmd_list *texts, struct image_grants *out, struct err *err);
void image_grants_done(struct image_grants *grants);

/* What the longest prefix says of this namespace; without one, no. */
bool image_grants_allow(const struct image_grants *grants, const struct image_ref *ref,
			const char *namespace_name);

#endif
