/* SPDX-License-Identifier: Apache-2.0 */
/* tls_client: what all sessions to upstream servers share: the roots that are trusted, the versions and
 * ciphers spoken, and the sessions that may be resumed, by host and port. The peer is always verified. */
#ifndef LIB_TLS_CLIENT_H
#define LIB_TLS_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/rd.h"
#include "lib/tls.h"

enum {
	/* Of the PEM text of all roots together; Debian's has 220 KiB. */
	TLS_ROOTS_MAX = 4 << 20,
};

struct tls_client;

/* `roots_pem`: the certificates that are trusted, and nothing else is. Refused: none, one that cannot be
 * read, more than TLS_ROOTS_MAX bytes. */
int tls_client_new(struct slice roots_pem, struct tls_client **out, struct err *err);
void tls_client_free(struct tls_client *client); /* after its last session */

/* Whom a session is for. `host`: a DNS name without final dot, or an address without brackets; the
 * peer's certificate must be for it, and a name is sent as SNI. */
struct tls_target {
	const char *host;
	uint16_t port;
};

/* A session over the connected socket `fd`, which stays the caller's. `now_s`: seconds since 1970,
 * against which the age of remembered sessions is judged. */
int tls_client_session(struct tls_client *client, const struct tls_target *target, int fd,
		       int64_t now_s, struct tls_session **out, struct err *err);

/* How many (host, port) have a session remembered: never more than TLS_CLIENT_PEERS_MAX. */
enum { TLS_CLIENT_PEERS_MAX = 256 };
size_t tls_client_remembered(const struct tls_client *client);

#endif
