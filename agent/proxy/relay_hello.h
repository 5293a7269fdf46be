/* SPDX-License-Identifier: Apache-2.0 */
/* relay_hello: whether the first bytes of a client in a tunnel that is not inspected may go on. The policy
 * allowed a name; a ClientHello that asks the server behind it for another one would make that name a way
 * to others that the same servers hold. TLS 1.3 has a second hello where the server asks for one (RFC 8446
 * 4.1.4), and servers take the name from that. Pure. */
#ifndef AGENT_PROXY_RELAY_HELLO_H
#define AGENT_PROXY_RELAY_HELLO_H

#include <stdbool.h>

#include "agent/proxy/site.h"
#include "lib/err.h"
#include "lib/parse.h"

/* PARSE_OK: no TLS, no server name in it, or that of `site`. PARSE_MORE: a hello that is not whole yet. PARSE_BAD:
 * another name, a hello that two readers could take in two ways, or TLS that begins with anything else.
 * `bytes`: at least one, and no more than SNIFF_WIRE_MAX matter. `out_n`: how many of them are the hello; 0
 * where it is no TLS. */
enum parse relay_hello_judge(struct slice bytes, const struct site *site, size_t *out_n,
			     struct err *err);

/* What the server says first to that hello. PARSE_OK: `out_again` tells whether it asks for a second one; it
 * does not where it does not speak TLS either. PARSE_BAD: TLS of which that cannot be told. */
enum parse relay_hello_read_answer(struct slice bytes, bool *out_again, struct err *err);

/* What the client says to a server that asked again: early data that the server will not read may come before
 * the second hello, which is judged as the first one was. PARSE_BAD: that, or anything else. */
enum parse relay_hello_judge_second(struct slice bytes, const struct site *site, struct err *err);

#endif
