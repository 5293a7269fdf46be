/* SPDX-License-Identifier: Apache-2.0 */
/* leaf: certificates for servers, each for one host, signed by an authority of ours. All leaves of one issuer share
 * one key, and what they have in common is encoded once, so that a new one costs little more than its
 * signature. */
#ifndef CERTS_LEAF_H
#define CERTS_LEAF_H

#include <openssl/types.h>
#include <stdint.h>

#include "certs/ca.h"
#include "lib/err.h"

enum {
	/* A DNS name without its final dot (RFC 1035 3.1). */
	LEAF_HOST_MAX = 253,
	/* What clients accept at most from any authority (398 days). */
	LEAF_LIFE_MAX_S = 398 * 86400,
};

struct leaf_issuer;

/* Borrows `ca` until leaf_issuer_free(). `key`: of all its leaves; one reference more is taken. */
int leaf_issuer_new(const struct ca *ca, EVP_PKEY *key, struct leaf_issuer **out, struct err *err);
void leaf_issuer_free(struct leaf_issuer *issuer);

struct leaf_options {
	/* A DNS name without final dot (letters of either case, digits, '-', '_', no wildcard), or an
	 * IPv4 or IPv6 address without brackets. Anything else: ERR_INVALID. */
	const char *host;
	int64_t now_s; /* seconds since 1970 */
	int64_t life_s; /* 1..LEAF_LIFE_MAX_S; cut to the authority's own */
};

/* A certificate for `options->host`. ERR_DENIED: the authority is not valid now. Owned by the caller. */
int leaf_issue(const struct leaf_issuer *issuer, const struct leaf_options *options, X509 **out,
	       struct err *err);

#endif
