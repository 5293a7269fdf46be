/* SPDX-License-Identifier: Apache-2.0 */
/* tls_tickets: the keys under which a server hands its sessions to the clients to keep (RFC 5077 4). A key makes
 * tickets for TLS_TICKETS_PERIOD_S and reads them for as long again; then it is wiped, and with it the
 * way to read what was recorded. */
#ifndef LIB_TLS_TICKETS_H
#define LIB_TLS_TICKETS_H

#include <openssl/ssl.h>
#include <stdbool.h>
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
	struct tls_ticket_key keys[2]; /* the current one, and the one before */
	size_t n;
};

/* To be called before sessions begin: makes a new key where the current one has served its time. */
int tls_tickets_rotate(struct tls_tickets *tickets, int64_t now_s, struct err *err);

/* What OpenSSL's callback is given for a ticket (SSL_CTX_set_tlsext_ticket_key_evp_cb(3)). */
struct tls_ticket_use {
	unsigned char *name, *iv;
	EVP_CIPHER_CTX *cipher;
	EVP_MAC_CTX *mac;
};

/* Prepares `use` to make or to read a ticket; the result is the callback's. `once`: who used it gets a new one. */
int tls_tickets_use(struct tls_tickets *tickets, const struct tls_ticket_use *use, bool make,
		    bool once);

void tls_tickets_done(struct tls_tickets *tickets);

#endif
