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
	const char
		*auth_secret; /* of the pod's namespace, with USER:PASSWORD; NULL: it wants none */
	const char *auth_key; /* in the Secret; NULL: NAME_AUTH_KEY */
	bool auth_insecure; /* that they are sent in the clear was said to be known */
};

/* Refuses what the agent would, as far as a pod that cannot start would be all that tells of it: a URL of another form, an
 * empty list, the others without a URL, and credentials without the word that they are sent in the clear. ERR_INVALID
 * names the option. */
int upstream_check(const struct upstream *upstream, struct err *err);

/* Appends the agent's options to `command`. */
void upstream_push(const struct upstream *upstream, json_t *command);

/* Appends the volume with the credentials, if there are any. `mode` is the file's. */
void upstream_add_volume(const struct upstream *upstream, int mode, json_t *volumes);

/* Appends its mount, for the container of a proxy. */
void upstream_add_mount(const struct upstream *upstream, json_t *mounts);

#endif
