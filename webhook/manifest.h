/* SPDX-License-Identifier: Apache-2.0 */
/* manifest: Kubernetes manifests in YAML or JSON as JSON values, and back as YAML. Scalars become what
 * Kubernetes makes of them. Anchors, aliases and tags are refused, as are keys given twice and numbers that
 * readers understand differently. */
#ifndef WEBHOOK_MANIFEST_H
#define WEBHOOK_MANIFEST_H

#include "lib/err.h"
#include "lib/json.h"
#include "lib/rd.h"

/* How a value was written, so that it can be written so again. */
struct manifest_style {
	json_t *value; /* a reference of its own: no other value gets its address */
	char *number; /* the text of a number, else NULL */
	int style; /* libyaml's, of its kind of value */
};

struct manifest {
	json_t *documents; /* an array of objects, without those that are empty */
	struct manifest_style *styles; /* sorted by value */
	size_t n_styles, cap_styles;
};

/* Limits as json_parse(). ERR_INVALID has line and column. Zeroed ones may be released. */
int manifest_read(struct slice text, struct manifest *out, struct err *err);
void manifest_done(struct manifest *manifest);

/* Appends the documents as YAML: order of keys, quotes and numbers as they were read, where they were; comments
 * are lost. ERR_BUG where what was written does not read back as it is. */
int manifest_write(const struct manifest *manifest, struct buf *out, struct err *err);

/* An array of the objects in `text`: each document, and each item of a List. The caller drops it. */
int manifest_parse(struct slice text, json_t **out, struct err *err);

/* What a plain scalar stands for; NULL where readers differ. */
json_t *manifest_plain(const char *text);

#endif
