/* SPDX-License-Identifier: Apache-2.0 */
/* resolve_msg: host names, and the DNS messages that ask for their addresses (RFC 1035, RFC 3596).
 * Pure. A message is believed only where it answers the question that was asked, to the letter. */
#ifndef AGENT_PROXY_RESOLVE_MSG_H
#define AGENT_PROXY_RESOLVE_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/hostname.h"
#include "lib/rd.h"
#include "policy/cidr.h"

enum {
	RESOLVE_NAME_MAX = HOSTNAME_MAX, /* as text, without a last dot */
	RESOLVE_QUERY_MAX = 12 + 255 + 4,
	/* Of one type and name; the rest is left out, and so never dialled. */
	RESOLVE_ADDRESSES_MAX = 16,
	RESOLVE_CNAMES_MAX = 8,
	RESOLVE_TTL_MIN_S = 1,
	RESOLVE_TTL_MAX_S = 300,
};

/* In lower case. */
struct resolve_name {
	char text[RESOLVE_NAME_MAX + 1];
	size_t n;
	unsigned dots;
	bool absolute; /* was written with a last dot */
};

/* False where `host` is no host name (hostname_is_dns(), and a last dot). What reads as a number is none
 * ("127.1", "0x7f000001"): to some resolvers that is an address. */
bool resolve_name_read(struct slice host, struct resolve_name *out);

/* `name` with `suffix` behind it. False where that is too long. */
bool resolve_name_join(const struct resolve_name *name, const char *suffix,
		       struct resolve_name *out);

enum resolve_type { RESOLVE_A = 1, RESOLVE_AAAA = 28 };

/* The question, with recursion desired and without EDNS: what is longer than 512 bytes comes by TCP.
 * Returns its length. */
size_t resolve_query_build(const struct resolve_name *name, enum resolve_type type, uint16_t id,
			   uint8_t out[RESOLVE_QUERY_MAX]);

enum resolve_reading {
	RESOLVE_NOT_OURS = 0, /* not the answer to this question: nothing happened */
	RESOLVE_BROKEN, /* the answer, but malformed, or the server failed or refused */
	RESOLVE_CUT, /* the answer does not fit: ask by TCP */
	RESOLVE_ABSENT, /* there is no such name, or it has no address of this type */
	RESOLVE_FOUND,
};

struct resolve_answer {
	struct address addresses[RESOLVE_ADDRESSES_MAX];
	size_t n;
	uint32_t ttl_s; /* the least of those on the way, within the limits above */
};

/* Fills `out` where it is RESOLVE_FOUND. Records that are not about the name, or about what it is an
 * alias of, are not looked at. */
enum resolve_reading resolve_answer_parse(struct slice message, const struct resolve_name *name,
					  enum resolve_type type, uint16_t id,
					  struct resolve_answer *out);

#endif
