/* SPDX-License-Identifier: Apache-2.0 */
/* digest: SHA-256 (FIPS 180-4) in lower-case hexadecimal, by OpenSSL. */
#ifndef LIB_DIGEST_H
#define LIB_DIGEST_H

#include "lib/err.h"
#include "lib/rd.h"

enum { DIGEST_HEX_SIZE = 65 };

/* `out_hex` is NUL-terminated. Fails with ERR_SYS where the library offers no SHA-256. */
int digest_sha256(struct slice data, char out_hex[DIGEST_HEX_SIZE], struct err *err);

#endif
