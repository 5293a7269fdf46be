/* SPDX-License-Identifier: Apache-2.0 */
/* sniff: what a TLS client asks for, read from its ClientHello before anything answers it (RFC 8446 4.1.2,
 * RFC 6066 3, RFC 7301 3.1, RFC 9849). Sees bytes only. Whatever two readers could understand in two ways
 * is refused, so that the server behind a tunnel cannot see another name than we do. */
#ifndef AGENT_PROXY_SNIFF_H
#define AGENT_PROXY_SNIFF_H

#include <stdbool.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/parse.h"
#include "lib/rd.h"

enum {
	/* A hello with a post-quantum key share and a ticket has 2 to 3 KiB; also the largest TLS record. */
	SNIFF_HELLO_MAX = 16384,
	/* A record's header. */
	SNIFF_RECORD_HEADER = 5,
	/* How many bytes of a connection to offer at most: a hello in a handful of records. */
	SNIFF_WIRE_MAX = SNIFF_HELLO_MAX + 16 * SNIFF_RECORD_HEADER,
};

/* Texts borrow from the `scratch` that was given. */
struct sniff_hello {
	/* A DNS name as lib/hostname.h has it, in the case it was sent in; n == 0: none was sent. */
	struct slice host;
	/* The ProtocolNameList's entries as sent, well-formed; n == 0: none was sent. See sniff_offers(). */
	struct slice alpn;
	/* The client sent encrypted_client_hello: true or filled with noise (GREASE), `host` may be a
	 * public name in front of another one. Only who terminates the session knows that it is not. */
	bool has_ech;
	/* How many of the connection's bytes it took, record headers included. */
	size_t wire;
};

/* True where `bytes` (at least one) may be the start of a TLS handshake. */
bool sniff_is_tls(struct slice bytes);

/* Reads the hello that `bytes`, the connection's first ones, hold; what follows its last record is not looked
 * at. `scratch` takes the hello put together from its records: up to SNIFF_HELLO_MAX bytes, cleared
 * first. PARSE_MORE: give the same and more bytes. PARSE_BAD: ERR_INVALID, or ERR_LIMIT where it is too
 * long. `out` is untouched unless PARSE_OK. */
enum parse sniff_hello(struct slice bytes, struct buf *scratch, struct sniff_hello *out,
		       struct err *err);

/* True where `hello` offers the protocol `name` ("h2"). */
bool sniff_offers(const struct sniff_hello *hello, const char *name);

#endif
