/* SPDX-License-Identifier: Apache-2.0 */
/* dns_query: the DNS messages that the workload asks with, and ours that answer them (RFC 1035, RFC 6891).
 * Pure. Knows messages, not names: who may be asked for is dns_server's. */
#ifndef AGENT_PROXY_DNS_QUERY_H
#define AGENT_PROXY_DNS_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/rd.h"
#include "policy/cidr.h"
#include "policy/match_host.h"

enum {
	/* A question takes 271 bytes; the rest is for options that nobody needs. By UDP and by TCP. */
	DNS_QUERY_MAX = 1232,
	/* Header, question, one address, OPT: never so long that it would have to be cut (512). */
	DNS_REPLY_MAX = 12 + 255 + 4 + 16 + 11,
	/* Short, as a new policy may allow what was refused; an address itself stays good. */
	DNS_TTL_S = 30,
};

/* RFC 1035 4.1.1, RFC 6891 6.1.3. */
enum dns_rcode {
	DNS_NO_ERROR = 0,
	DNS_FORMAT_ERROR = 1,
	DNS_SERVER_FAILURE = 2,
	DNS_NAME_ERROR = 3,
	DNS_NOT_IMPLEMENTED = 4,
	DNS_REFUSED = 5,
	DNS_BAD_VERSION = 16,
};

enum dns_type { DNS_TYPE_A = 1 };

struct dns_query {
	/* Anything else: it is not to be looked into, and this is the answer. */
	enum dns_rcode rcode;
	uint16_t id, flags;
	struct slice
		question; /* as it was sent, case and all; n == 0 where it is malformed. Borrows. */
	bool is_host; /* `host` is a host's name; other names are nobody's */
	struct host_name host;
	uint16_t type;
	bool has_edns;
};

/* False where no answer is due: too short for one, or itself an answer (two servers would go on for ever). */
bool dns_query_parse(struct slice message, struct dns_query *out);

/* The answer: `address` (IPv4) with DNS_NO_ERROR, or NULL. Returns its length. */
size_t dns_reply_build(const struct dns_query *query, enum dns_rcode rcode,
		       const struct address *address, uint8_t out[DNS_REPLY_MAX]);

#endif
