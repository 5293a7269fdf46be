/* SPDX-License-Identifier: Apache-2.0 */
/* image_wants: the images that one review asks about, and what is known of each. A review that asks for more than is
 * known is judged once more when it is: so judging itself waits for nobody. Pure. */
#ifndef WEBHOOK_IMAGE_WANTS_H
#define WEBHOOK_IMAGE_WANTS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "webhook/image_facts.h"
#include "webhook/image_manifest.h"
#include "webhook/image_ref.h"

/* Different images of one pod; each is up to 13 requests, redirects and tokens aside. */
enum { IMAGE_WANTS_MAX = 16 };

struct image_want {
	struct image_ref ref;
	struct image_arches arches; /* texts that last */
	bool is_known;
	struct image_facts *facts; /* NULL: not known, or asking failed as `err` says */
	struct err err;
};

/* Zeroed ones ask for nothing. */
struct image_wants {
	struct image_want *items[IMAGE_WANTS_MAX];
	size_t n;
	char namespace_name[64]; /* for whose pod */
};

void image_wants_done(struct image_wants *wants);

/* What is known of it by now, borrowed. NULL: there is no room for one more. */
const struct image_want *image_wants_ask(struct image_wants *wants, const struct image_ref *ref,
					 const struct image_arches *arches);

/* For whose pod; longer ones than a namespace can have are nobody's. */
void image_wants_set_namespace(struct image_wants *wants, const char *name);

/* What is still not known counts as failed, as `why` says. */
void image_wants_fail_open(struct image_wants *wants, const char *why);

/* Whether something was asked for that is not known. */
bool image_wants_are_open(const struct image_wants *wants);

/* The one text for what is asked for: "docker.io/library/nginx:latest amd64 arm64". */
void image_want_put_key(const struct image_want *want, struct buf *out);

#endif
