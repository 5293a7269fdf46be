/* SPDX-License-Identifier: Apache-2.0 */
/* tls_server: what all sessions with the workload share, when we answer in a host's name: one key, the way to
 * a certificate by host, and the keys of session tickets. */
#ifndef LIB_TLS_SERVER_H
#define LIB_TLS_SERVER_H

#include <openssl/types.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/tls.h"

struct tls_server;

struct tls_server_options {
	/* The certificate for `host`, made for `key`. Asked once in each handshake that resumes nothing.
	 * It borrows the result until it returns to the caller; NULL and *err end the handshake. */
	X509 *(*certificate)(void *context, const char *host, struct err *err);
	void *context;
	EVP_PKEY *key; /* shared; the caller may free its own reference */
};

int tls_server_new(const struct tls_server_options *options, struct tls_server **out,
		   struct err *err);
void tls_server_free(struct tls_server *server); /* after its last session */

/* A session over the accepted socket `fd`, which stays the caller's, in the name of `host` (as for the
 * upstream: a DNS name or an address). A client that asks for another name (SNI) is refused; one that
 * asks for none is served. `now_s`: seconds since 1970; ticket keys are rotated by it. */
int tls_server_session(struct tls_server *server, const char *host, int fd, int64_t now_s,
		       struct tls_session **out, struct err *err);

#endif
