/* SPDX-License-Identifier: Apache-2.0 */
/* serving_cert: the certificate and key that new connections get. Loading replaces both at once;
 * handshakes under way finish with what they began with. */
#ifndef WEBHOOK_SERVING_CERT_H
#define WEBHOOK_SERVING_CERT_H

#include <gnutls/abstract.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/rd.h"

/* Reads PEM files: a leaf with its chain, and its key. On failure what was loaded stays. ERR_INVALID:
 * not PEM, more than a few certificates, or a key of another certificate. */
int serving_cert_load(const char *cert_path, const char *key_path, struct err *err);

/* The same from texts; `name` is what errors call them. */
int serving_cert_take(struct slice cert_pem, struct slice key_pem, const char *name,
		      struct err *err);

/* Of the loaded one, in seconds since 1970; zeros where none is loaded. */
struct serving_cert_life {
	int64_t begins_s, expires_s;
};
struct serving_cert_life serving_cert_life(void);

/* Whether it should have been renewed by now: less than two weeks are left, or a quarter of a short life. Pure. */
bool serving_cert_is_late(const struct serving_cert_life *life, int64_t now_s);

/* For MHD_OPTION_HTTPS_CERT_CALLBACK2. */
gnutls_certificate_retrieve_function3 serving_cert_retrieve;

/* To be called now and then, with CLOCK_MONOTONIC: frees what was replaced so long ago that no handshake is under way with it. */
void serving_cert_sweep(int64_t now_ms);

/* No handshake may be under way. */
void serving_cert_done(void);

#endif
