/* SPDX-License-Identifier: Apache-2.0 */
/* dns_refused: which questions for names are told of. A program asks for the same name twice at once (for
 * both families) and again every second, or thinks new ones up as fast as it can: each name is told
 * once in a while, and not more names than that. Pure. */
#ifndef AGENT_PROXY_DNS_REFUSED_H
#define AGENT_PROXY_DNS_REFUSED_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/match_host.h"

enum {
	DNS_REFUSED_NAMES = 32, /* in DNS_REFUSED_AGAIN_MS */
	DNS_REFUSED_AGAIN_MS = 10000,
};

/* A zeroed one has told nothing. */
struct dns_refused {
	struct {
		struct host_name name;
		int64_t told_ms;
	} items[DNS_REFUSED_NAMES];
	size_t n;
	uint64_t untold; /* since the last that was */
};

/* True where `name` is to be told; `out_untold` is how many questions were not, since the last that was. */
bool dns_refused_tell(struct dns_refused *refused, const struct host_name *name, int64_t now_ms,
		      uint64_t *out_untold);

#endif
