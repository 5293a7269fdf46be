/* SPDX-License-Identifier: Apache-2.0 */
/* pair_size: what a proxy of topology proxy-pod requests and may take. Only amounts as the API server writes them are
 * taken ("1", not "1000m"): a proxy is compared with what is rendered for it. Pure. */
#ifndef WEBHOOK_PAIR_SIZE_H
#define WEBHOOK_PAIR_SIZE_H

#include <jansson.h>

#include "lib/err.h"

/* "50m", "2"; "64Mi", "1Gi". NULL: the default. */
struct pair_size {
	const char *cpu, *memory, *cpu_limit, *memory_limit;
};

/* ERR_INVALID names the option. */
int pair_size_check(const struct pair_size *size, struct err *err);

/* A container's `resources`, of what passed the check; owned by the caller. */
json_t *pair_size_resources(const struct pair_size *size);

#endif
