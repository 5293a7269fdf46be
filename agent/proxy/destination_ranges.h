/* SPDX-License-Identifier: Apache-2.0 */
/* destination_ranges: the special-purpose ranges of both families, by what may be done with them.
 * Data of destination.c; IANA's special-purpose registries (RFC 6890) and what clouds put elsewhere. */
#ifndef AGENT_PROXY_DESTINATION_RANGES_H
#define AGENT_PROXY_DESTINATION_RANGES_H

#include "agent/proxy/destination.h"

struct destination_range {
	uint8_t base[16]; /* an IPv4 range in its mapped form */
	uint8_t prefix; /* of 128 bits */
	enum destination_class class;
	const char *text; /* "BLOCK (what it is)" */
};

/* The first that holds an address decides. */
extern const struct destination_range destination_ranges[];
extern const size_t destination_n_ranges;

#endif
