/* SPDX-License-Identifier: Apache-2.0 */
/* build: the parts that every certificate of ours has, for ca.c and leaf.c. */
#ifndef CERTS_BUILD_H
#define CERTS_BUILD_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

/* RFC 5280, ub-common-name. */
enum { BUILD_NAME_MAX = 64 };

/* From when to when, in seconds since 1970. */
struct build_life {
	int64_t from_s, to_s;
};

/* A version 3 certificate for `key` with a random serial number and `life`. Owned by the caller. */
int build_start(EVP_PKEY *key, struct build_life life, X509 **out, struct err *err);

/* Appends O=OpenShell and, unless NULL, CN=`common_name`: ASCII, at most BUILD_NAME_MAX bytes. */
int build_name(X509_NAME *name, const char *common_name, struct err *err);

/* The extension that `value` (of the type that goes with `nid`) encodes to. Owned by the caller. */
int build_extension(int nid, bool critical, void *value, X509_EXTENSION **out, struct err *err);

/* build_extension(), added to `certificate`. */
int build_add(X509 *certificate, int nid, bool critical, void *value, struct err *err);

/* The key identifier of the certificate's key (RFC 7093 2: SHA-256, its first 160 bits). */
int build_key_id(X509 *certificate, ASN1_OCTET_STRING **out, struct err *err);

/* The key usage (RFC 5280 4.2.1.3) of `bits`, which are KU_ values of x509v3.h of the first byte. */
int build_key_usage(uint8_t bits, X509_EXTENSION **out, struct err *err);

#endif
