/* SPDX-License-Identifier: Apache-2.0 */
/* store: certificates and keys in files; the only file I/O of certs/. Files are replaced as a whole, so that a
 * reader sees the old one or the new one. */
#ifndef CERTS_STORE_H
#define CERTS_STORE_H

#include "certs/ca.h"
#include "lib/err.h"
#include "lib/rd.h"

/* Names in the directory that workloads mount; people's own settings may hold them. */
#define STORE_CA_FILE "openshell-ca.pem"
#define STORE_BUNDLE_FILE "ca-bundle.pem"

/* Writes to the directory `dir` what programs may be pointed at: the authority's certificate alone, and
 * `store` (PEM, may be empty) with the certificate added. Both may be read by everyone; no key is written. */
int store_write_trust(const char *dir, const struct ca *ca, struct slice store, struct err *err);

/* The same for an authority whose key is elsewhere: `ca_pem` holds exactly one certificate. */
int store_write_trust_pem(const char *dir, struct slice ca_pem, struct slice store,
			  struct err *err);

/* An authority from two files. A key that others than owner and group may touch is refused. */
int store_load_ca(const char *certificate_path, const char *key_path, struct ca *out,
		  struct err *err);

/* Keeps an authority with its key in one file of this user's alone; store_load_ca() reads it, by the same path
 * twice. */
int store_keep_ca(const char *path, const struct ca *ca, struct err *err);

#endif
