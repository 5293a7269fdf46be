/* SPDX-License-Identifier: Apache-2.0 */
/* tls_why: failures of a handshake in words that tell what to change. */
#ifndef LIB_TLS_WHY_H
#define LIB_TLS_WHY_H

#include <openssl/types.h>
#include <stdbool.h>

#include "lib/err.h"

/* Fills `err` with ERR_DENIED and what is wrong with the chain that `verify` looks at, for `host`. */
void tls_why_certificate(const X509_STORE_CTX *verify, const char *host, struct err *err);

/* Fills `err` from OpenSSL's error queue, which is emptied; `is_client` tells our side. Returns -1. */
int tls_why_protocol(bool is_client, const char *host, struct err *err);

#endif
