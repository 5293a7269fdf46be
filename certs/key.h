/* SPDX-License-Identifier: Apache-2.0 */
/* key: private keys. All of ours are on the curve P-256: every client knows it, and it signs fast. */
#ifndef CERTS_KEY_H
#define CERTS_KEY_H

#include <openssl/types.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/rd.h"

/* 128 bits more than the key: what is cut off to fit the curve then leaves no trace (FIPS 186-5 A.2.1). */
enum { KEY_SEED_BYTES = 48 };

int key_generate(EVP_PKEY **out, struct err *err);

/* The key that `seed` stands for, always the same: the seed is as secret as the key. */
int key_from_seed(const unsigned char seed[KEY_SEED_BYTES], EVP_PKEY **out, struct err *err);

/* Reads the one private key in `pem` (PKCS#8 or SEC 1). Refused: another curve or algorithm, a key behind a
 * password, nothing that is a key. */
int key_read_pem(struct slice pem, EVP_PKEY **out, struct err *err);

/* Appends `key` as PKCS#8 PEM, without a password: what holds it is as secret as the key. */
int key_write_pem(EVP_PKEY *key, struct buf *out, struct err *err);

#endif
