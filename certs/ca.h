/* SPDX-License-Identifier: Apache-2.0 */
/* ca: a certificate authority of our own: one key and its self-signed certificate. It signs leaves only
 * (path length 0). No name constraints: which hosts are intercepted is for the policy, which may change. */
#ifndef CERTS_CA_H
#define CERTS_CA_H

#include <openssl/types.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/rd.h"

enum {
	/* A clock a little behind ours must not find a certificate of ours in its future. */
	CA_SKEW_S = 3600,
	/* An authority that lives longer than what it protects is only a risk. */
	CA_LIFE_MAX_S = 3 * 366 * 86400,
	/* One certificate in PEM; ours has 700 bytes. */
	CA_PEM_MAX = 16384,
};

struct ca {
	X509 *certificate;
	EVP_PKEY *key;
	int64_t from_s, to_s; /* the certificate's validity, in seconds since 1970 */
};

struct ca_options {
	const char *common_name; /* ASCII, 1..64 bytes */
	int64_t now_s; /* seconds since 1970 */
	int64_t life_s; /* 1..CA_LIFE_MAX_S; valid from CA_SKEW_S before now */
};

/* A new key and certificate. */
int ca_create(const struct ca_options *options, struct ca *out, struct err *err);

/* A new certificate for `key`, which is on P-256; one reference more is taken. Whoever trusts one certificate of a key
 * and a name accepts what was issued under any other of the same. */
int ca_create_for(const struct ca_options *options, EVP_PKEY *key, struct ca *out, struct err *err);

/* An authority made elsewhere. Refused: more or less than one certificate, one that may not sign certificates, a
 * key that is not its own or not on P-256. Whether it is still valid is asked when it signs. */
int ca_load(struct slice certificate_pem, struct slice key_pem, struct ca *out, struct err *err);

/* Appends the certificate as PEM. */
int ca_write_pem(const struct ca *ca, struct buf *out, struct err *err);

/* The key is wiped. Accepts a zeroed one. */
void ca_done(struct ca *ca);

#endif
