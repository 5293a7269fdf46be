/* SPDX-License-Identifier: Apache-2.0 */
/* tls_session: what the files of lib/tls know of a session that its users do not. */
#ifndef LIB_TLS_SESSION_H
#define LIB_TLS_SESSION_H

#include <openssl/ssl.h>

#include "lib/err.h"
#include "lib/tls.h"

enum tls_state { TLS_STATE_HANDSHAKE = 0, TLS_STATE_OPEN, TLS_STATE_FAILED };

struct tls_client;

struct tls_session {
	SSL *ssl;
	enum tls_state state;
	/* While bytes that were put back are read: the socket, whose turn comes after them. */
	BIO *socket;
	bool drained; /* the last read of the socket took all that it had */
	char *host; /* in lower case */
	/* What our side refused within the handshake, where OpenSSL only knows that it was refused. */
	struct err refusal;
	/* Client side: where it may be resumed from, and under which name. NULL on the server side. */
	struct tls_client *client;
	char *peer;
};

/* What both sides have in common: TLS 1.2 or later, forward secrecy, HTTP/1.1, no renegotiation. */
SSL_CTX *tls_context_new(const SSL_METHOD *method, struct err *err);

/* A session of `context` for `host`, over `fd`. Fails where it is neither a DNS name nor an address. */
int tls_session_new(SSL_CTX *context, const char *host, int fd, struct tls_session **out,
		    struct err *err);

/* Whether `host` is an IPv4 or IPv6 address. */
bool tls_is_address(const char *host);

/* The client's memory of a peer, after a handshake with it failed. */
void tls_client_forget(struct tls_client *client, const char *peer);

#endif
