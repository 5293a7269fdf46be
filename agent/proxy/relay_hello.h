/* SPDX-License-Identifier: Apache-2.0 */
/* relay_hello: whether the first bytes of a client in a tunnel that is not inspected may go on. The policy
 * allowed a name; a ClientHello that asks the server behind it for another one would make that name a way
 * to others that the same servers hold. Pure. */
#ifndef AGENT_PROXY_RELAY_HELLO_H
#define AGENT_PROXY_RELAY_HELLO_H

#include "agent/proxy/site.h"
#include "lib/err.h"
#include "lib/parse.h"

/* PARSE_OK: no TLS, no server name in it, or that of `site`. PARSE_MORE: a hello that is not whole yet. PARSE_BAD:
 * another name, a hello that two readers could take in two ways, or TLS that begins with anything else.
 * `bytes`: at least one, and no more than SNIFF_WIRE_MAX matter. */
enum parse relay_hello_judge(struct slice bytes, const struct site *site, struct err *err);

#endif
