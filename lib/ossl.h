/* SPDX-License-Identifier: Apache-2.0 */
/* ossl: scope-bound release of OpenSSL's objects, and its errors in words. */
#ifndef LIB_OSSL_H
#define LIB_OSSL_H

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "lib/err.h"

static inline void auto_x509(X509 **slot)
{
	X509_free(*slot);
}

static inline void auto_pkey(EVP_PKEY **slot)
{
	EVP_PKEY_free(*slot);
}

static inline void auto_bio(BIO **slot)
{
	BIO_free(*slot);
}

/* Fills `err` with `what` and the reason of the oldest error that the library queued, which is then
 * emptied. Returns -1. */
int ossl_fail(struct err *err, enum err_code code, const char *what);

#endif
