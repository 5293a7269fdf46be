/* SPDX-License-Identifier: Apache-2.0 */
/* serving_cert: the certificate and key that new connections get. Loading replaces both at once;
 * handshakes under way finish with what they began with. */
#ifndef WEBHOOK_SERVING_CERT_H
#define WEBHOOK_SERVING_CERT_H

#include <gnutls/abstract.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/rd.h"

/* Reads PEM files: a leaf with its chain, and its key. On failure what was loaded stays. ERR_INVALID:
 * not PEM, more than a few certificates, or a key of another certificate. */
int serving_cert_load(const char *cert_path, const char *key_path, struct err *err);

/* The same from texts; `name` is what errors call them. */
int serving_cert_take(struct slice cert_pem, struct slice key_pem, const char *name,
		      struct err *err);

/* When the loaded one expires, in seconds since 1970; 0 where none is loaded. */
int64_t serving_cert_expiry(void);

/* For MHD_OPTION_HTTPS_CERT_CALLBACK2. */
gnutls_certificate_retrieve_function3 serving_cert_retrieve;

void serving_cert_done(void);

#endif
