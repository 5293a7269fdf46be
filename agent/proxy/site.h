/* SPDX-License-Identifier: Apache-2.0 */
/* site: host and port that somebody wants to reach, in the one form in which policy sees them. Pure. */
#ifndef AGENT_PROXY_SITE_H
#define AGENT_PROXY_SITE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/http1.h"
#include "policy/cidr.h"
#include "policy/match_host.h"

enum { SITE_PORT_HTTP = 80, SITE_PORT_HTTPS = 443, SITE_TEXT_MAX = HOST_BYTES_MAX + 2 + 1 + 5 + 1 };

struct site {
	struct host_name host;
	uint16_t port;
};

/* False where the host is neither a name nor an address. `default_port` where there is none. */
bool site_read(const struct http1_authority *authority, uint16_t default_port, struct site *out);

bool site_equals(const struct site *a, const struct site *b);

/* Borrows. */
struct slice site_host(const struct site *site);

/* True where the host is an address. */
bool site_is_address(const struct site *site, struct address *out);

/* As a Host field: brackets around IPv6, no port where it is `default_port`. */
void site_print(const struct site *site, uint16_t default_port, char out[SITE_TEXT_MAX]);

#endif
