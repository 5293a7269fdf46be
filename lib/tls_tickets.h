/* SPDX-License-Identifier: Apache-2.0 */
/* tls_tickets: the keys under which a server hands its sessions to the clients to keep (RFC 5077 4). A key makes
 * tickets for TLS_TICKETS_PERIOD_S and reads them for as long again; then it is wiped, and with it the
 * way to read what was recorded. */
#ifndef LIB_TLS_TICKETS_H
#define LIB_TLS_TICKETS_H

#include <openssl/ssl.h>
#include <stdint.h>

#include "lib/err.h"

enum { TLS_TICKETS_PERIOD_S = 3600, TLS_TICKETS_NAME = 16, TLS_TICKETS_SECRET = 32 };

struct tls_ticket_key {
	unsigned char name[TLS_TICKETS_NAME];
	unsigned char cipher[TLS_TICKETS_SECRET], mac[TLS_TICKETS_SECRET];
	int64_t made_s;
};

/* Zeroed: no key yet. */
struct tls_tickets {
	struct tls_ticket_key current, previous;
	int keys; /* how many of the two there are */
};

/* To be called before sessions begin: makes a new key where the current one has served its time. */
int tls_tickets_rotate(struct tls_tickets *tickets, int64_t now_s, struct err *err);

/* What OpenSSL asks for each ticket (SSL_CTX_set_tlsext_ticket_key_evp_cb(3)). */
int tls_tickets_use(struct tls_tickets *tickets, unsigned char *name, unsigned char *iv,
		    EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int make);

void tls_tickets_done(struct tls_tickets *tickets);

#endif
