/* SPDX-License-Identifier: Apache-2.0 */
/* check_served: what certificate a Service serves, asked as an API server asks. */
#ifndef WEBHOOK_CHECK_SERVED_H
#define WEBHOOK_CHECK_SERVED_H

#include "lib/rd.h"
#include "webhook/check_cluster.h"

struct check_where {
	const char *host; /* NAME.NAMESPACE.svc, for which the certificate must be */
	unsigned int port;
	const char *address; /* ADDR:PORT to connect to in its place; NULL: where the name leads */
};

/* Trusting `bundle` (PEM) alone. kube_client_init() first. A few seconds at most. */
void check_served_ask(const struct check_where *where, struct slice bundle,
		      struct check_served *out);

#endif
