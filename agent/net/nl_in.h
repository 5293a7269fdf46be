/* SPDX-License-Identifier: Apache-2.0 */
/* nl_in: reads what netlink sends, message by message and attribute by attribute. Lengths are checked
 * against what is there; whatever does not fit sets `bad` of the cursor, as in lib/rd.h. */
#ifndef AGENT_NET_NL_IN_H
#define AGENT_NET_NL_IN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/rd.h"

struct nl_in {
	uint16_t type, flags;
	uint32_t seq;
	struct slice body;
};

struct nl_in_attr {
	uint16_t type; /* without the flags for nesting and byte order */
	struct slice value;
};

/* The next message of a datagram; false at its end and where `r->bad`. Borrows from `r`. */
bool nl_in_next(struct rd *r, struct nl_in *out);

/* The next attribute; false at the end and where `r->bad`. Borrows from `r`. */
bool nl_in_attr(struct rd *r, struct nl_in_attr *out);

/* The `n` first bytes of a message's body as they lie in memory; false where it is shorter. */
bool nl_in_header(struct rd *r, void *out, size_t n);

/* A number in host byte order; 0 where the value has another size. */
uint32_t nl_in_u32(struct slice value);

/* A string that ends in NUL within the value; else NULL. Borrows. */
const char *nl_in_text(struct slice value);

/* Of an NLMSG_ERROR: its errno value (0 for an acknowledgement), and the kernel's own words in
 * `out_text`, "" without. Borrows. EBADMSG for a message that is too short. */
int nl_in_error(const struct nl_in *message, const char **out_text);

#endif
