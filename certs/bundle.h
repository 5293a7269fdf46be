/* SPDX-License-Identifier: Apache-2.0 */
/* bundle: our authority added to a trust store (PEM text), for programs that read one file of roots. */
#ifndef CERTS_BUNDLE_H
#define CERTS_BUNDLE_H

#include <stddef.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/rd.h"

enum {
	/* Of a trust store; Debian's has 220 KiB. */
	BUNDLE_MAX = 4 << 20,
};

/* Checks that `pem` is text made of certificates in PEM and comments between them: every block is closed, in
 * base64, and a CERTIFICATE (so a private key never slips into a file that all may read). At least
 * one. ERR_INVALID names the line. What is inside the base64 is not judged. */
int bundle_check(struct slice pem, size_t *out_certificates, struct err *err);

/* Appends `store`, byte for byte, a line end if its last line has none, and `ca_pem`, which
 * holds exactly one certificate. Both are checked first. An empty `store` is none at all. */
int bundle_merge(struct slice store, struct slice ca_pem, struct buf *out, struct err *err);

#endif
