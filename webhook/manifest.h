/* SPDX-License-Identifier: Apache-2.0 */
/* manifest: Kubernetes manifests in YAML or JSON as JSON values. Scalars become what Kubernetes
 * makes of them; anchors, aliases and tags are refused, as are keys given twice. */
#ifndef WEBHOOK_MANIFEST_H
#define WEBHOOK_MANIFEST_H

#include "lib/err.h"
#include "lib/json.h"
#include "lib/rd.h"

/* An array of the objects in `text`: each document, and each item of a List. The caller drops it.
 * Limits as json_parse(); ERR_INVALID has line and column. */
int manifest_parse(struct slice text, json_t **out, struct err *err);

#endif
