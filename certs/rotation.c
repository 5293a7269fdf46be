/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/rotation.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "certs/ca.h"
#include "certs/key.h"
#include "certs/leaf.h"
#include "lib/cleanup.h"
#include "lib/ossl.h"

enum {
	/* Two are ours; a few more may be somebody else's addition. */
	BUNDLE_CERTIFICATES_MAX = 16,
	/* Of its life, from when a certificate is renewed, and over how much of it that moment is spread. */
	DUE_NUMERATOR = 2,
	DUE_DENOMINATOR = 3,
	SPREAD_DENOMINATOR = 24,
};

static void auto_stack(STACK_OF(X509) * *slot)
{
	sk_X509_pop_free(*slot, X509_free);
}

static void auto_store(X509_STORE **slot)
{
	X509_STORE_free(*slot);
}

static void auto_context(X509_STORE_CTX **slot)
{
	X509_STORE_CTX_free(*slot);
}

static void auto_time(ASN1_TIME **slot)
{
	ASN1_TIME_free(*slot);
}

static void auto_issuer(struct leaf_issuer **slot)
{
	leaf_issuer_free(*slot);
}

struct rotation_set rotation_set_init(void)
{
	return (struct rotation_set){
		.cert = buf_init(ROTATION_PEM_MAX),
		.key = buf_init_secret(ROTATION_PEM_MAX),
		.next_cert = buf_init(ROTATION_PEM_MAX),
		.next_key = buf_init_secret(ROTATION_PEM_MAX),
		.bundle = buf_init(ROTATION_PEM_MAX),
	};
}

void rotation_set_done(struct rotation_set *set)
{
	buf_done(&set->cert);
	buf_done(&set->key);
	buf_done(&set->next_cert);
	buf_done(&set->next_key);
	buf_done(&set->bundle);
	set->asked = false;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* All certificates of a text, at least one and not too many; NULL otherwise. */
static STACK_OF(X509) * read_all(struct slice pem)
{
	AUTO(auto_stack) STACK_OF(X509) *all = sk_X509_new_null();
	AUTO(auto_bio) BIO *bio = NULL;
	X509 *one;

	if (pem.n == 0 || pem.n > ROTATION_PEM_MAX || all == NULL)
		return NULL;
	bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	while (bio != NULL && (one = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
		if (sk_X509_push(all, one) < 1) {
			X509_free(one);
			return NULL;
		}
		if (sk_X509_num(all) > BUNDLE_CERTIFICATES_MAX)
			return NULL;
	}
	/* Reading past the last one counts as an error. */
	ERR_clear_error();
	return sk_X509_num(all) > 0 ? STEAL(all) : NULL;
}

static X509 *read_leaf(struct slice pem)
{
	AUTO(auto_stack) STACK_OF(X509) *all = read_all(pem);

	return all != NULL ? sk_X509_shift(all) : NULL;
}

static bool verify(X509 *leaf, STACK_OF(X509) * trusted, const char *host, int64_t now_s)
{
	AUTO(auto_store) X509_STORE *store = X509_STORE_new();
	AUTO(auto_context) X509_STORE_CTX *context = X509_STORE_CTX_new();

	if (store == NULL || context == NULL ||
	    X509_STORE_CTX_init(context, store, leaf, NULL) != 1)
		return false;
	X509_STORE_CTX_set0_trusted_stack(context, trusted);
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);
	X509_VERIFY_PARAM_set_time(param, (time_t)now_s);
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	bool holds = X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_SERVER) == 1 &&
		     X509_VERIFY_PARAM_set1_host(param, host, 0) == 1 &&
		     X509_verify_cert(context) == 1;
	ERR_clear_error();
	return holds;
}

bool rotation_trusts(struct slice bundle, struct slice cert, const char *host, int64_t now_s)
{
	AUTO(auto_stack) STACK_OF(X509) *trusted = read_all(bundle);
	AUTO(auto_x509) X509 *leaf = read_leaf(cert);

	return trusted != NULL && leaf != NULL && verify(leaf, trusted, host, now_s);
}

static int check(const struct buf *cert, const struct buf *key, const struct rotation_set *set,
		 const struct rotation_options *options, struct err *err)
{
	AUTO(auto_x509) X509 *leaf = read_leaf(buf_slice(cert));
	AUTO(auto_pkey) EVP_PKEY *pair = NULL;

	if (leaf == NULL)
		return err_set(err, ERR_INVALID, "it holds no certificate");
	if (key_read_pem(buf_slice(key), &pair, err) == -1)
		return -1;
	if (X509_check_private_key(leaf, pair) != 1)
		return ossl_fail(err, ERR_INVALID, "the key is not the certificate's");
	if (!rotation_trusts(buf_slice(&set->bundle), buf_slice(cert), options->host,
			     options->now_s))
		return err_set(err, ERR_INVALID,
			       "the certificate is not valid now for %s, by its own bundle",
			       options->host);
	return 0;
}

static int64_t seconds_of(const ASN1_TIME *time)
{
	AUTO(auto_time) ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	int days = 0, seconds = 0;

	if (epoch == NULL || ASN1_TIME_diff(&days, &seconds, epoch, time) != 1)
		return 0;
	return days * INT64_C(86400) + seconds;
}

/* The same for all replicas, and another for each certificate. */
static int64_t spread_of(X509 *leaf, int64_t life_s)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(leaf);
	const unsigned char *bytes = ASN1_STRING_get0_data(serial);
	int n = ASN1_STRING_length(serial);
	int64_t number = n > 1 ? bytes[n - 2] << 8 | bytes[n - 1] : 0;

	return life_s / SPREAD_DENOMINATOR * number / (UINT16_MAX + 1);
}

void rotation_inspect(const struct rotation_set *set, const char *host, int64_t now_s,
		      struct rotation_facts *out, struct err *why)
{
	const struct rotation_options options = { .host = host, .now_s = now_s };
	struct err ignored;

	*out = (struct rotation_facts){ 0 };
	if (check(&set->cert, &set->key, set, &options, why) == -1)
		return;
	AUTO(auto_x509) X509 *leaf = read_leaf(buf_slice(&set->cert));
	int64_t from_s = seconds_of(X509_get0_notBefore(leaf));
	out->usable = true;
	out->expires_s = seconds_of(X509_get0_notAfter(leaf));
	int64_t life_s = out->expires_s - from_s;
	out->due_s = set->asked ? now_s
				: from_s + life_s / DUE_DENOMINATOR * DUE_NUMERATOR +
					  spread_of(leaf, life_s);
	out->prepared = check(&set->next_cert, &set->next_key, set, &options, &ignored) == 0;
}

enum rotation_step rotation_next(const struct rotation_facts *facts, int64_t now_s,
				 int64_t published_ms)
{
	if (!facts->usable)
		return ROTATION_CREATE;
	if (facts->prepared)
		return published_ms >= ROTATION_SETTLE_MS ? ROTATION_SWITCH : ROTATION_REST;
	return now_s >= facts->due_s ? ROTATION_PREPARE : ROTATION_REST;
}

/* --- the steps -------------------------------------------------------------------------------- */

static int put_certificate(X509 *certificate, struct buf *out, struct err *err)
{
	AUTO(auto_bio) BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;

	if (bio == NULL || PEM_write_bio_X509(bio, certificate) != 1)
		return ossl_fail(err, ERR_SYS, "write a certificate");
	long n = BIO_get_mem_data(bio, &text);

	buf_put(out, text, (size_t)n);
	return out->overflow ? err_set(err, ERR_LIMIT, "no room for a certificate") : 0;
}

/* A new authority, and all that will ever be signed by it. */
static int make(const struct rotation_options *options, struct rotation_set *out, struct err *err)
{
	const struct ca_options authority = { "openshell-webhook CA", options->now_s,
					      options->life_s };
	const struct leaf_options wanted = { options->host, options->now_s, options->life_s };
	AUTO(ca_done) struct ca ca = { 0 };
	AUTO(auto_pkey) EVP_PKEY *key = NULL;
	AUTO(auto_issuer) struct leaf_issuer *issuer = NULL;
	AUTO(auto_x509) X509 *leaf = NULL;

	if (options->life_s < ROTATION_LIFE_MIN_S)
		return err_set(err, ERR_INVALID, "a life of less than a day");
	if (ca_create(&authority, &ca, err) == -1 || key_generate(&key, err) == -1 ||
	    leaf_issuer_new(&ca, key, &issuer, err) == -1 ||
	    leaf_issue(issuer, &wanted, &leaf, err) == -1)
		return -1;
	if (put_certificate(leaf, &out->cert, err) == -1 ||
	    key_write_pem(key, &out->key, err) == -1)
		return -1;
	return ca_write_pem(&ca, &out->bundle, err);
}

/* Of the old bundle, the authorities of what is served now. */
static int keep_trusted(const struct rotation_set *set, struct buf *bundle, struct err *err)
{
	AUTO(auto_stack) STACK_OF(X509) *all = read_all(buf_slice(&set->bundle));
	AUTO(auto_x509) X509 *leaf = read_leaf(buf_slice(&set->cert));

	for (int i = 0; leaf != NULL && i < sk_X509_num(all); i++) {
		X509 *authority = sk_X509_value(all, i);
		bool signed_by = X509_verify(leaf, X509_get0_pubkey(authority)) == 1;

		ERR_clear_error();
		if (signed_by && put_certificate(authority, bundle, err) == -1)
			return -1;
	}
	return 0;
}

static void swap(struct buf *a, struct buf *b)
{
	struct buf old = *a;

	*a = *b;
	*b = old;
}

static int create(const struct rotation_options *options, struct rotation_set *set, struct err *err)
{
	AUTO(rotation_set_done) struct rotation_set fresh = rotation_set_init();

	if (make(options, &fresh, err) == -1)
		return -1;
	rotation_set_done(set);
	*set = fresh;
	fresh = rotation_set_init();
	return 0;
}

static int prepare(const struct rotation_options *options, struct rotation_set *set,
		   struct err *err)
{
	AUTO(rotation_set_done) struct rotation_set fresh = rotation_set_init();

	if (make(options, &fresh, err) == -1 || keep_trusted(set, &fresh.bundle, err) == -1)
		return -1;
	swap(&set->next_cert, &fresh.cert);
	swap(&set->next_key, &fresh.key);
	swap(&set->bundle, &fresh.bundle);
	set->asked = false;
	return 0;
}

static int switch_over(struct rotation_set *set)
{
	swap(&set->cert, &set->next_cert);
	swap(&set->key, &set->next_key);
	buf_done(&set->next_cert);
	buf_done(&set->next_key);
	return 0;
}

int rotation_take(enum rotation_step step, const struct rotation_options *options,
		  struct rotation_set *set, struct err *err)
{
	switch (step) {
	case ROTATION_CREATE:
		return create(options, set, err);
	case ROTATION_PREPARE:
		return prepare(options, set, err);
	case ROTATION_SWITCH:
		return switch_over(set);
	case ROTATION_REST:
		break;
	}
	return 0;
}
