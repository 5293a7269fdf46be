/* SPDX-License-Identifier: Apache-2.0 */
/* tls_pair: a client and a server of ours that talk over a socket pair, within one thread; either may be
 * replaced by a bare OpenSSL one that does what ours would not. */
#ifndef TESTS_UNIT_LIB_TLS_PAIR_H
#define TESTS_UNIT_LIB_TLS_PAIR_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "certs/ca.h"
#include "lib/tls_client.h"
#include "lib/tls_server.h"

struct tls_pair {
	struct ca ca;
	EVP_PKEY *key;
	X509 *leaf; /* what the server shows; NULL: it refuses */
	struct tls_server *server;
	struct tls_client *client; /* trusts `ca` */
	int64_t now_s;
	/* Of the connection that is up, or was refused. */
	int client_fd, server_fd;
	struct tls_session *near, *far; /* client and server session */
	SSL *bare; /* in place of one of them */
	struct err client_err, server_err;
};

/* With a leaf for `host`. */
void tls_pair_init(struct tls_pair *pair, const char *host);
void tls_pair_done(struct tls_pair *pair);

/* Another leaf for `host`, from `from_s` on for a day; signed by `ca`. */
void tls_pair_show(struct tls_pair *pair, const struct ca *ca, const char *host, int64_t from_s);

void tls_pair_sockets(struct tls_pair *pair);

/* Connects anew, and tells whether both sides say that the session is up; else see the errs. */
bool tls_pair_connect(struct tls_pair *pair, const char *host, uint16_t port);

/* The same with `peer`, which is taken over, in place of our client or our server. */
bool tls_pair_meet_client(struct tls_pair *pair, const char *host, SSL *peer);
bool tls_pair_meet_server(struct tls_pair *pair, const char *host, SSL *peer);

/* Closes the connection, of which the client has first read all that came, tickets included. */
void tls_pair_hang_up(struct tls_pair *pair);

/* Bare OpenSSL, without verification, of exactly this `version` (0: any). */
SSL *tls_pair_bare_client(int version);
SSL *tls_pair_bare_server(struct tls_pair *pair, int version);

#endif
