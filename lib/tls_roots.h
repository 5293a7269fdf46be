/* SPDX-License-Identifier: Apache-2.0 */
/* tls_roots: a trust store that parses a root when a chain first leads to it. Parsing all that a usual
 * bundle has takes 23 ms and 900 KiB, of which a sandbox would use a handful. */
#ifndef LIB_TLS_ROOTS_H
#define LIB_TLS_ROOTS_H

#include <openssl/types.h>

#include "lib/err.h"
#include "lib/rd.h"

struct tls_roots;

/* The certificates of `pem`, decoded but not judged. Refused: none, one that is cut off or not base64, one that does
 * not look like a certificate. Comments between them are skipped. */
int tls_roots_new(struct slice pem, struct tls_roots **out, struct err *err);
void tls_roots_free(struct tls_roots *roots);

/* Makes `store` find issuers in `roots`, which it borrows from now on. */
int tls_roots_attach(struct tls_roots *roots, X509_STORE *store, struct err *err);

#endif
