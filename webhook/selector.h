/* SPDX-License-Identifier: Apache-2.0 */
/* selector: label selectors of Kubernetes, over labels that are known. Pure. */
#ifndef WEBHOOK_SELECTOR_H
#define WEBHOOK_SELECTOR_H

#include <stdbool.h>

#include "lib/json.h"

/* Whether `labels`, an object of texts or NULL, are what the LabelSelector asks for. An empty one takes all; what it
 * cannot make out counts as asked for nothing. */
bool selector_takes(const json_t *selector, const json_t *labels);

#endif
