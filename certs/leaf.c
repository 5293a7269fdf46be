/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/leaf.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <string.h>

#include "certs/build.h"
#include "lib/cleanup.h"
#include "lib/hostname.h"
#include "lib/mem.h"
#include "lib/ossl.h"

enum { FIXED_EXTENSIONS = 5 };

struct leaf_issuer {
	const struct ca *ca;
	EVP_PKEY *key;
	/* The same in every leaf. */
	X509_EXTENSION *fixed[FIXED_EXTENSIONS];
	size_t fixed_n;
};

static void auto_issuer(struct leaf_issuer **slot)
{
	leaf_issuer_free(*slot);
}

static void auto_general_names(GENERAL_NAMES **slot)
{
	GENERAL_NAMES_free(*slot);
}

void leaf_issuer_free(struct leaf_issuer *issuer)
{
	if (issuer == NULL)
		return;
	for (size_t i = 0; i < issuer->fixed_n; i++)
		X509_EXTENSION_free(issuer->fixed[i]);
	EVP_PKEY_free(issuer->key);
	free(issuer);
}

static int fix(struct leaf_issuer *issuer, int nid, bool critical, void *value, struct err *err)
{
	if (build_extension(nid, critical, value, &issuer->fixed[issuer->fixed_n], err) == -1)
		return -1;
	issuer->fixed_n++;
	return 0;
}

static int fix_basics(struct leaf_issuer *issuer, struct err *err)
{
	BASIC_CONSTRAINTS not_ca = { 0 };

	if (fix(issuer, NID_basic_constraints, true, &not_ca, err) == -1)
		return -1;
	/* The key signs the handshake and encrypts nothing. */
	if (build_key_usage(KU_DIGITAL_SIGNATURE, &issuer->fixed[issuer->fixed_n], err) == -1)
		return -1;
	issuer->fixed_n++;
	return 0;
}

static int fix_purpose(struct leaf_issuer *issuer, struct err *err)
{
	EXTENDED_KEY_USAGE *purposes = EXTENDED_KEY_USAGE_new();

	if (purposes == NULL || sk_ASN1_OBJECT_push(purposes, OBJ_nid2obj(NID_server_auth)) < 1) {
		EXTENDED_KEY_USAGE_free(purposes);
		return ossl_fail(err, ERR_SYS, "state a certificate's purpose");
	}
	int result = fix(issuer, NID_ext_key_usage, false, purposes, err);

	EXTENDED_KEY_USAGE_free(purposes);
	return result;
}

/* Both identifiers, as strict clients insist on them (RFC 5280 4.2.1.1, 4.2.1.2). */
static int fix_key_ids(struct leaf_issuer *issuer, struct err *err)
{
	const ASN1_OCTET_STRING *authority = X509_get0_subject_key_id(issuer->ca->certificate);
	AUTO(auto_x509) X509 *bare = NULL;
	ASN1_OCTET_STRING *id;

	if (authority == NULL)
		return err_set(err, ERR_INVALID,
			       "the authority's certificate has no key identifier");
	if (build_start(issuer->key, (struct build_life){ 0, 1 }, &bare, err) == -1 ||
	    build_key_id(bare, &id, err) == -1)
		return -1;
	int result = fix(issuer, NID_subject_key_identifier, false, id, err);

	ASN1_OCTET_STRING_free(id);
	if (result == -1)
		return -1;
	ASN1_OCTET_STRING *copy = ASN1_OCTET_STRING_dup(authority);
	AUTHORITY_KEYID by = { .keyid = copy };

	if (copy == NULL)
		return ossl_fail(err, ERR_SYS, "identify the authority's key");
	result = fix(issuer, NID_authority_key_identifier, false, &by, err);
	ASN1_OCTET_STRING_free(copy);
	return result;
}

int leaf_issuer_new(const struct ca *ca, EVP_PKEY *key, struct leaf_issuer **out, struct err *err)
{
	AUTO(auto_issuer) struct leaf_issuer *issuer = mem_calloc(1, sizeof(*issuer));

	issuer->ca = ca;
	EVP_PKEY_up_ref(key);
	issuer->key = key;
	if (fix_basics(issuer, err) == -1 || fix_purpose(issuer, err) == -1 ||
	    fix_key_ids(issuer, err) == -1)
		return -1;
	*out = STEAL(issuer);
	return 0;
}

/* The bytes of an address as they stand in a certificate; 0 where `host` is none. */
static int address_bytes(const char *host, unsigned char out[sizeof(struct in6_addr)])
{
	if (inet_pton(AF_INET, host, out) == 1)
		return sizeof(struct in_addr);
	return inet_pton(AF_INET6, host, out) == 1 ? sizeof(struct in6_addr) : 0;
}

static int host_name(const char *host, GENERAL_NAME *out, struct err *err)
{
	unsigned char address[sizeof(struct in6_addr)];
	int address_n = address_bytes(host, address);

	if (address_n == 0 && !hostname_is_dns(slice_text(host)))
		return err_set(err, ERR_INVALID, "'%.300s' is not a host name or address", host);
	ASN1_STRING *text =
		ASN1_STRING_type_new(address_n > 0 ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);

	if (text == NULL || ASN1_STRING_set(text, address_n > 0 ? (const void *)address : host,
					    address_n > 0 ? address_n : -1) != 1) {
		ASN1_STRING_free(text);
		return ossl_fail(err, ERR_SYS, "name a certificate's host");
	}
	GENERAL_NAME_set0_value(out, address_n > 0 ? GEN_IPADD : GEN_DNS, text);
	return 0;
}

static int add_host(X509 *certificate, const char *host, struct err *err)
{
	AUTO(auto_general_names) GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *name = GENERAL_NAME_new();

	if (names == NULL || name == NULL || sk_GENERAL_NAME_push(names, name) < 1) {
		GENERAL_NAME_free(name);
		return ossl_fail(err, ERR_SYS, "name a certificate's host");
	}
	if (host_name(host, name, err) == -1)
		return -1;
	return build_add(certificate, NID_subject_alt_name, false, names, err);
}

static int add_fixed(const struct leaf_issuer *issuer, X509 *certificate, struct err *err)
{
	for (size_t i = 0; i < issuer->fixed_n; i++)
		if (X509_add_ext(certificate, issuer->fixed[i], -1) != 1)
			return ossl_fail(err, ERR_SYS, "extend a certificate");
	return 0;
}

static int life_of(const struct ca *ca, const struct leaf_options *options, struct build_life *out,
		   struct err *err)
{
	int64_t now = options->now_s;

	if (options->life_s < 1 || options->life_s > LEAF_LIFE_MAX_S)
		return err_set(err, ERR_INVALID, "a life of %lld s is not in 1..%d",
			       (long long)options->life_s, LEAF_LIFE_MAX_S);
	if (now < ca->from_s || now >= ca->to_s)
		return err_set(err, ERR_DENIED,
			       "the certificate authority is %s: restart the pod for a new one",
			       now < ca->from_s ? "not valid yet" : "no longer valid");
	int64_t from = now - CA_SKEW_S, to = now + options->life_s;

	*out = (struct build_life){ from > ca->from_s ? from : ca->from_s,
				    to < ca->to_s ? to : ca->to_s };
	return 0;
}

int leaf_issue(const struct leaf_issuer *issuer, const struct leaf_options *options, X509 **out,
	       struct err *err)
{
	const char *host = options->host;
	AUTO(auto_x509) X509 *leaf = NULL;
	struct build_life life = { 0 };

	if (life_of(issuer->ca, options, &life, err) == -1 ||
	    build_start(issuer->key, life, &leaf, err) == -1 || add_host(leaf, host, err) == -1 ||
	    add_fixed(issuer, leaf, err) == -1)
		return -1;
	/* Clients match the alternative name; the common name is for people, where it fits. */
	if (build_name(X509_get_subject_name(leaf), strlen(host) <= BUILD_NAME_MAX ? host : NULL,
		       err) == -1)
		return -1;
	if (X509_set_issuer_name(leaf, X509_get_subject_name(issuer->ca->certificate)) != 1 ||
	    X509_sign(leaf, issuer->ca->key, EVP_sha256()) == 0)
		return ossl_fail(err, ERR_SYS, "sign a certificate");
	*out = STEAL(leaf);
	return 0;
}
