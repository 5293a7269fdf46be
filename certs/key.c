/* SPDX-License-Identifier: Apache-2.0 */
/* Keys are made by the EC_KEY functions, which newer OpenSSL calls deprecated: a certificate takes the public
 * half of such a key in 6 us, that of any other in 180 us, as the latter is encoded, fetched and decoded
 * anew each time. It is the larger part of what a certificate for a new host would cost. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "certs/key.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/ossl.h"

static void auto_ec_key(EC_KEY **slot)
{
	EC_KEY_free(*slot);
}

int key_generate(EVP_PKEY **out, struct err *err)
{
	AUTO(auto_ec_key) EC_KEY *pair = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
	AUTO(auto_pkey) EVP_PKEY *key = EVP_PKEY_new();

	if (pair == NULL || key == NULL || EC_KEY_generate_key(pair) != 1 ||
	    EVP_PKEY_set1_EC_KEY(key, pair) != 1)
		return ossl_fail(err, ERR_SYS, "make a P-256 key");
	*out = STEAL(key);
	return 0;
}

static void auto_bignum(BIGNUM **slot)
{
	BN_clear_free(*slot);
}

static void auto_point(EC_POINT **slot)
{
	EC_POINT_free(*slot);
}

static void auto_context(BN_CTX **slot)
{
	BN_CTX_free(*slot);
}

/* 1..order-1, each as likely as the others. */
static bool to_scalar(const unsigned char *seed, const EC_GROUP *group, BIGNUM *scalar,
		      BN_CTX *context)
{
	AUTO(auto_bignum) BIGNUM *most = BN_dup(EC_GROUP_get0_order(group));

	if (most == NULL || BN_bin2bn(seed, KEY_SEED_BYTES, scalar) == NULL)
		return false;
	BN_set_flags(scalar, BN_FLG_CONSTTIME);
	return BN_sub_word(most, 1) == 1 && BN_mod(scalar, scalar, most, context) == 1 &&
	       BN_add_word(scalar, 1) == 1;
}

static bool set_scalar(EC_KEY *pair, const unsigned char *seed)
{
	const EC_GROUP *group = EC_KEY_get0_group(pair);
	AUTO(auto_context) BN_CTX *context = BN_CTX_secure_new();
	AUTO(auto_bignum) BIGNUM *scalar = BN_secure_new();
	AUTO(auto_point) EC_POINT *public = EC_POINT_new(group);

	return context != NULL && scalar != NULL && public != NULL &&
	       to_scalar(seed, group, scalar, context) &&
	       EC_POINT_mul(group, public, scalar, NULL, NULL, context) == 1 &&
	       EC_KEY_set_private_key(pair, scalar) == 1 &&
	       EC_KEY_set_public_key(pair, public) == 1;
}

int key_from_seed(const unsigned char seed[KEY_SEED_BYTES], EVP_PKEY **out, struct err *err)
{
	AUTO(auto_ec_key) EC_KEY *pair = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
	AUTO(auto_pkey) EVP_PKEY *key = EVP_PKEY_new();

	if (pair == NULL || key == NULL || !set_scalar(pair, seed) ||
	    EVP_PKEY_set1_EC_KEY(key, pair) != 1)
		return ossl_fail(err, ERR_SYS, "make a P-256 key of a seed");
	*out = STEAL(key);
	return 0;
}

/* In place of OpenSSL's own, which would ask on the terminal. */
static int no_password(char *text, int size, int writing, void *context)
{
	(void)text, (void)size, (void)writing, (void)context;
	return -1;
}

static bool is_p256(const EVP_PKEY *key)
{
	char group[32];
	size_t n;

	return EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group),
					      &n) == 1 &&
	       strcmp(group, SN_X9_62_prime256v1) == 0;
}

int key_read_pem(struct slice pem, EVP_PKEY **out, struct err *err)
{
	if (pem.n > INT_MAX)
		return err_set(err, ERR_LIMIT, "a private key of %zu bytes", pem.n);
	AUTO(auto_bio) BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	AUTO(auto_pkey)
	EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;

	if (key == NULL)
		return ossl_fail(err, ERR_INVALID, "not a private key in PEM without a password");
	if (!is_p256(key))
		return err_set(err, ERR_INVALID, "the private key is not on the curve P-256");
	*out = STEAL(key);
	return 0;
}

int key_write_pem(EVP_PKEY *key, struct buf *out, struct err *err)
{
	AUTO(auto_bio) BIO *bio = BIO_new(BIO_s_secmem());
	char *text = NULL;

	if (bio == NULL || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
		return ossl_fail(err, ERR_SYS, "write a private key");
	long n = BIO_get_mem_data(bio, &text);

	buf_put(out, text, (size_t)n);
	return out->overflow ? err_set(err, ERR_LIMIT, "no room for a private key") : 0;
}
