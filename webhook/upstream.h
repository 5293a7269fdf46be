/* SPDX-License-Identifier: Apache-2.0 */
/* upstream: the network's own proxy, through which the sandboxes' proxies reach destinations. The agent is told by
 * argv, which no image can forge, and reads it as a whole (docs/proxy.md). */
#ifndef WEBHOOK_UPSTREAM_H
#define WEBHOOK_UPSTREAM_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/err.h"

struct upstream {
	const char *url; /* http://HOST:PORT; NULL: destinations are dialled */
	const char *no_proxy; /* what is reached past it; NULL: nothing */
	bool by_hostname; /* it is told names, not addresses */
};

/* Refuses what the agent would, as far as a pod that cannot start would be all that tells of it: a URL of another form, an
 * empty list, and the others without a URL. ERR_INVALID names the option. */
int upstream_check(const struct upstream *upstream, struct err *err);

/* Appends the agent's options to `command`. */
void upstream_push(const struct upstream *upstream, json_t *command);

#endif
