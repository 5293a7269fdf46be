/* SPDX-License-Identifier: Apache-2.0 */
/* plain_leaf: a certificate for a host as most programs make one, to measure beside ours. */
#ifndef TESTS_BENCH_PLAIN_LEAF_H
#define TESTS_BENCH_PLAIN_LEAF_H

#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include "certs/ca.h"
#include "lib/cleanup.h"

/* As most programs do it: a key of the modern kind, extensions from text. */
static inline X509 *plain_leaf(const struct ca *ca, EVP_PKEY *key, const char *host)
{
	AUTO_FREE char *name = NULL;
	X509 *x = X509_new();
	X509V3_CTX context;
	const struct {
		int nid;
		const char *value;
	} extensions[] = {
		{ NID_basic_constraints, "critical,CA:FALSE" },
		{ NID_key_usage, "critical,digitalSignature" },
		{ NID_ext_key_usage, "serverAuth" },
		{ NID_subject_key_identifier, "hash" },
		{ NID_authority_key_identifier, "keyid" },
		{ NID_subject_alt_name, NULL },
	};

	if (asprintf(&name, "DNS:%s", host) == -1)
		abort();
	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1 + rand());
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 48 * 3600);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
				   (const unsigned char *)host, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(ca->certificate));
	X509V3_set_ctx(&context, ca->certificate, x, NULL, NULL, 0);
	for (size_t i = 0; i < ARRAY_LEN(extensions); i++) {
		X509_EXTENSION *extension =
			X509V3_EXT_conf_nid(NULL, &context, extensions[i].nid,
					    extensions[i].nid == NID_subject_alt_name
						    ? name
						    : extensions[i].value);

		X509_add_ext(x, extension, -1);
		X509_EXTENSION_free(extension);
	}
	X509_sign(x, ca->key, EVP_sha256());
	return x;
}

#endif
