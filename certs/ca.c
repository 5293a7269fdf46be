/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/ca.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "certs/build.h"
#include "certs/key.h"
#include "lib/cleanup.h"
#include "lib/ossl.h"

void ca_done(struct ca *ca)
{
	X509_free(ca->certificate);
	EVP_PKEY_free(ca->key);
	*ca = (struct ca){ 0 };
}

static int add_constraints(X509 *certificate, struct err *err)
{
	BASIC_CONSTRAINTS *basic = BASIC_CONSTRAINTS_new();

	if (basic == NULL || (basic->pathlen = ASN1_INTEGER_new()) == NULL) {
		BASIC_CONSTRAINTS_free(basic);
		return ossl_fail(err, ERR_SYS, "constrain a certificate authority");
	}
	/* As it goes onto the wire: DER knows this as the only true (X.690 11.1), and Go refuses any other. */
	basic->ca = 0xff;
	int result = build_add(certificate, NID_basic_constraints, true, basic, err);

	BASIC_CONSTRAINTS_free(basic);
	return result;
}

static int add_usage(X509 *certificate, struct err *err)
{
	X509_EXTENSION *usage;

	if (build_key_usage(KU_KEY_CERT_SIGN | KU_CRL_SIGN, &usage, err) == -1)
		return -1;
	int added = X509_add_ext(certificate, usage, -1);

	X509_EXTENSION_free(usage);
	return added == 1 ? 0 : ossl_fail(err, ERR_SYS, "extend a certificate");
}

static int add_key_id(X509 *certificate, struct err *err)
{
	ASN1_OCTET_STRING *id;

	if (build_key_id(certificate, &id, err) == -1)
		return -1;
	int result = build_add(certificate, NID_subject_key_identifier, false, id, err);

	ASN1_OCTET_STRING_free(id);
	return result;
}

static int self_sign(X509 *certificate, EVP_PKEY *key, const char *common_name, struct err *err)
{
	X509_NAME *name = X509_get_subject_name(certificate);

	if (build_name(name, common_name, err) == -1)
		return -1;
	if (X509_set_issuer_name(certificate, name) != 1)
		return ossl_fail(err, ERR_SYS, "name a certificate's issuer");
	if (add_constraints(certificate, err) == -1 || add_usage(certificate, err) == -1 ||
	    add_key_id(certificate, err) == -1)
		return -1;
	if (X509_sign(certificate, key, EVP_sha256()) == 0)
		return ossl_fail(err, ERR_SYS, "sign a certificate");
	return 0;
}

int ca_create_for(const struct ca_options *options, EVP_PKEY *key, struct ca *out, struct err *err)
{
	struct build_life life = { options->now_s - CA_SKEW_S, options->now_s + options->life_s };
	AUTO(ca_done) struct ca ca = { .from_s = life.from_s, .to_s = life.to_s };

	if (options->life_s < 1 || options->life_s > CA_LIFE_MAX_S)
		return err_set(err, ERR_INVALID, "a life of %lld s is not in 1..%d",
			       (long long)options->life_s, CA_LIFE_MAX_S);
	if (EVP_PKEY_up_ref(key) != 1)
		return ossl_fail(err, ERR_SYS, "share a key");
	ca.key = key;
	if (build_start(ca.key, life, &ca.certificate, err) == -1 ||
	    self_sign(ca.certificate, ca.key, options->common_name, err) == -1)
		return -1;
	*out = ca;
	ca = (struct ca){ 0 };
	return 0;
}

int ca_create(const struct ca_options *options, struct ca *out, struct err *err)
{
	AUTO(auto_pkey) EVP_PKEY *key = NULL;

	if (key_generate(&key, err) == -1)
		return -1;
	return ca_create_for(options, key, out, err);
}

/* Without mktime() and its time zones. */
static int to_seconds(const ASN1_TIME *time, int64_t *out)
{
	static const int64_t day_s = 86400;
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	int days, seconds;
	int ok = epoch != NULL && ASN1_TIME_diff(&days, &seconds, epoch, time) == 1;

	ASN1_TIME_free(epoch);
	if (ok)
		*out = days * day_s + seconds;
	return ok ? 0 : -1;
}

static int read_certificate(struct slice pem, X509 **out, struct err *err)
{
	if (pem.n > CA_PEM_MAX)
		return err_set(err, ERR_LIMIT, "more than %d bytes for one certificate",
			       CA_PEM_MAX);
	AUTO(auto_bio) BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	AUTO(auto_x509) X509 *first = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

	if (first == NULL)
		return ossl_fail(err, ERR_INVALID, "not a certificate in PEM");
	AUTO(auto_x509) X509 *second = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	if (second != NULL)
		return err_set(err, ERR_INVALID, "more than one certificate");
	/* Reading past the last one counts as an error. */
	ERR_clear_error();
	*out = STEAL(first);
	return 0;
}

int ca_load(struct slice certificate_pem, struct slice key_pem, struct ca *out, struct err *err)
{
	AUTO(ca_done) struct ca ca = { 0 };

	if (read_certificate(certificate_pem, &ca.certificate, err) == -1 ||
	    key_read_pem(key_pem, &ca.key, err) == -1)
		return -1;
	/* 1: X.509v3 with basicConstraints CA:TRUE; higher answers are guesses about old certificates. */
	if (X509_check_ca(ca.certificate) != 1 ||
	    (X509_get_key_usage(ca.certificate) & KU_KEY_CERT_SIGN) == 0)
		return err_set(err, ERR_INVALID, "the certificate may not sign certificates");
	if (X509_check_private_key(ca.certificate, ca.key) != 1)
		return ossl_fail(err, ERR_INVALID, "the key is not the certificate's");
	if (to_seconds(X509_get0_notBefore(ca.certificate), &ca.from_s) == -1 ||
	    to_seconds(X509_get0_notAfter(ca.certificate), &ca.to_s) == -1)
		return ossl_fail(err, ERR_INVALID, "the certificate's validity is malformed");
	*out = ca;
	ca = (struct ca){ 0 };
	return 0;
}

int ca_write_pem(const struct ca *ca, struct buf *out, struct err *err)
{
	AUTO(auto_bio) BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;

	if (bio == NULL || PEM_write_bio_X509(bio, ca->certificate) != 1)
		return ossl_fail(err, ERR_SYS, "write a certificate");
	long n = BIO_get_mem_data(bio, &text);

	buf_put(out, text, (size_t)n);
	return out->overflow ? err_set(err, ERR_LIMIT, "no room for a certificate") : 0;
}
