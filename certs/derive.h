/* SPDX-License-Identifier: Apache-2.0 */
/* derive: secrets that follow from a master key and a name, by HKDF with SHA-256 (RFC 5869): they need not be stored,
 * and one says nothing about another. */
#ifndef CERTS_DERIVE_H
#define CERTS_DERIVE_H

#include <stddef.h>

#include "lib/err.h"
#include "lib/rd.h"

/* As many as SHA-256 has: a shorter master key would be the weakest part. */
enum { DERIVE_MASTER_BYTES = 32 };

struct derive {
	struct slice master; /* DERIVE_MASTER_BYTES that nobody can guess */
	const char *purpose; /* one for each use: what is known of one use is of none for another */
	const char *name; /* of whom it is for */
};

/* `n` bytes, always the same for the same. ERR_INVALID: the master key has another length. The caller wipes them. */
int derive_bytes(const struct derive *from, unsigned char *out, size_t n, struct err *err);

#endif
