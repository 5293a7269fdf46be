/* SPDX-License-Identifier: Apache-2.0 */
/* pair_proxy: the pod that serves one agent pod. It has no privilege and no ServiceAccount token. */
#ifndef WEBHOOK_PAIR_PROXY_H
#define WEBHOOK_PAIR_PROXY_H

#include "webhook/config.h"
#include "webhook/pair.h"

/* A PodSpec with every field that the API server would default in a template; owned by the caller. */
json_t *pair_proxy_spec(const struct pair *pair, const struct webhook_config *config);

#endif
