/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/build.h"

#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "lib/cleanup.h"
#include "lib/ossl.h"

enum {
	/* RFC 5280 4.1.2.2: at most 20 bytes; CA/Browser Forum: at least 64 random bits. */
	SERIAL_BYTES = 16,
	/* 160 bits, what clients are used to. */
	KEY_ID_BYTES = 20,
};

static int set_serial(X509 *certificate, struct err *err)
{
	unsigned char bytes[SERIAL_BYTES];

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return ossl_fail(err, ERR_SYS, "draw a serial number");
	/* Positive, and of the same length always. */
	bytes[0] = (unsigned char)((bytes[0] & 0x3f) | 0x40);
	if (ASN1_STRING_set(X509_get_serialNumber(certificate), bytes, sizeof(bytes)) != 1)
		return ossl_fail(err, ERR_SYS, "set a serial number");
	return 0;
}

int build_start(EVP_PKEY *key, struct build_life life, X509 **out, struct err *err)
{
	AUTO(auto_x509) X509 *certificate = X509_new();

	if (certificate == NULL || X509_set_version(certificate, X509_VERSION_3) != 1 ||
	    X509_set_pubkey(certificate, key) != 1)
		return ossl_fail(err, ERR_SYS, "begin a certificate");
	if (ASN1_TIME_set(X509_getm_notBefore(certificate), life.from_s) == NULL ||
	    ASN1_TIME_set(X509_getm_notAfter(certificate), life.to_s) == NULL)
		return ossl_fail(err, ERR_INVALID, "set a certificate's validity");
	if (set_serial(certificate, err) == -1)
		return -1;
	*out = STEAL(certificate);
	return 0;
}

static int add_entry(X509_NAME *name, int nid, const char *text, struct err *err)
{
	if (X509_NAME_add_entry_by_NID(name, nid, MBSTRING_ASC, (const unsigned char *)text, -1, -1,
				       0) != 1)
		return ossl_fail(err, ERR_INVALID, "name a certificate");
	return 0;
}

int build_name(X509_NAME *name, const char *common_name, struct err *err)
{
	if (add_entry(name, NID_organizationName, "OpenShell", err) == -1)
		return -1;
	return common_name != NULL ? add_entry(name, NID_commonName, common_name, err) : 0;
}

int build_extension(int nid, bool critical, void *value, X509_EXTENSION **out, struct err *err)
{
	X509_EXTENSION *extension = X509V3_EXT_i2d(nid, critical, value);

	if (extension == NULL)
		return ossl_fail(err, ERR_SYS, "encode a certificate's extension");
	*out = extension;
	return 0;
}

int build_add(X509 *certificate, int nid, bool critical, void *value, struct err *err)
{
	if (X509_add1_ext_i2d(certificate, nid, value, critical, X509V3_ADD_APPEND) != 1)
		return ossl_fail(err, ERR_SYS, "extend a certificate");
	return 0;
}

int build_key_id(X509 *certificate, ASN1_OCTET_STRING **out, struct err *err)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned int n = 0;
	ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();

	if (id == NULL || X509_pubkey_digest(certificate, EVP_sha256(), hash, &n) != 1 ||
	    n < KEY_ID_BYTES || ASN1_OCTET_STRING_set(id, hash, KEY_ID_BYTES) != 1) {
		ASN1_OCTET_STRING_free(id);
		return ossl_fail(err, ERR_SYS, "identify a key");
	}
	*out = id;
	return 0;
}

int build_key_usage(uint8_t bits, X509_EXTENSION **out, struct err *err)
{
	ASN1_BIT_STRING *usage = ASN1_BIT_STRING_new();

	if (usage == NULL || ASN1_BIT_STRING_set(usage, &bits, sizeof(bits)) != 1) {
		ASN1_BIT_STRING_free(usage);
		return ossl_fail(err, ERR_SYS, "set a key's usage");
	}
	int result = build_extension(NID_key_usage, true, usage, out, err);

	ASN1_BIT_STRING_free(usage);
	return result;
}
