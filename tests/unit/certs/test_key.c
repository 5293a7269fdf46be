/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "certs/key.h"
#include "lib/cleanup.h"
#include "lib/ossl.h"

START_TEST(a_key_comes_back_from_pem)
{
	AUTO(auto_pkey) EVP_PKEY *made = NULL;
	AUTO(auto_pkey) EVP_PKEY *read = NULL;
	AUTO(buf_done) struct buf pem = buf_init(4096);
	struct err err = { 0 };

	ck_assert_int_eq(key_generate(&made, &err), 0);
	ck_assert_int_eq(key_write_pem(made, &pem, &err), 0);
	ck_assert_ptr_nonnull(strstr(buf_text(&pem), "-----BEGIN PRIVATE KEY-----"));
	ck_assert_int_eq(key_read_pem(buf_slice(&pem), &read, &err), 0);
	ck_assert_int_eq(EVP_PKEY_eq(made, read), 1);
}
END_TEST

START_TEST(no_two_keys_are_the_same)
{
	AUTO(auto_pkey) EVP_PKEY *one = NULL;
	AUTO(auto_pkey) EVP_PKEY *two = NULL;
	struct err err = { 0 };

	ck_assert_int_eq(key_generate(&one, &err), 0);
	ck_assert_int_eq(key_generate(&two, &err), 0);
	ck_assert_int_eq(EVP_PKEY_eq(one, two), 0);
}
END_TEST

/* The private number is the seed modulo the curve's order less one, and one more. */
static const struct {
	unsigned char first, step;
	const char *number;
} seeds[] = {
	{ 0, 1, "18185BB801B6065828AF9BB667D107070B661A42A64F1F66B1A71E49AA7FF400" },
	{ 0xff, 0, "431905529C0166CE652E96B7CCCA0A9A679B73E29AD16947F01CF012FC632550" },
	{ 0, 0, "01" },
};

START_TEST(a_seed_stands_for_one_key)
{
	unsigned char seed[KEY_SEED_BYTES];
	AUTO(auto_pkey) EVP_PKEY *key = NULL;
	BIGNUM *number = NULL;
	struct err err = { 0 };

	for (int i = 0; i < KEY_SEED_BYTES; i++)
		seed[i] = (unsigned char)(seeds[_i].first + i * seeds[_i].step);
	ck_assert_int_eq(key_from_seed(seed, &key, &err), 0);
	ck_assert_int_eq(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &number), 1);
	char *text = BN_bn2hex(number);
	ck_assert_str_eq(text, seeds[_i].number);
	OPENSSL_free(text);
	BN_free(number);
}
END_TEST

/* What the key is used for works only where its public half is that of its private one. */
START_TEST(a_key_of_a_seed_is_whole)
{
	static const unsigned char seed[KEY_SEED_BYTES] = { 7 };
	AUTO(auto_pkey) EVP_PKEY *key = NULL;
	struct err err = { 0 };

	ck_assert_int_eq(key_from_seed(seed, &key, &err), 0);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	ck_assert_int_eq(EVP_PKEY_check(context), 1);
	EVP_PKEY_CTX_free(context);
}
END_TEST

static void write_key(EVP_PKEY *key, const EVP_CIPHER *cipher, struct buf *out)
{
	AUTO(auto_bio) BIO *bio = BIO_new(BIO_s_mem());
	const unsigned char password[] = "secret";
	char *text;

	ck_assert_int_eq(PEM_write_bio_PrivateKey(bio, key, cipher,
						  cipher != NULL ? password : NULL,
						  cipher != NULL ? 6 : 0, NULL, NULL),
			 1);
	long n = BIO_get_mem_data(bio, &text);

	buf_put(out, text, (size_t)n);
}

START_TEST(keys_of_other_kinds_are_refused)
{
	AUTO(auto_pkey) EVP_PKEY *other = _i == 0 ? EVP_EC_gen("P-384") : EVP_RSA_gen(1024);
	AUTO(auto_pkey) EVP_PKEY *read = NULL;
	AUTO(buf_done) struct buf pem = buf_init(4096);
	struct err err = { 0 };

	write_key(other, NULL, &pem);
	ck_assert_int_eq(key_read_pem(buf_slice(&pem), &read, &err), -1);
	ck_assert_str_eq(err.msg, "the private key is not on the curve P-256");
	ck_assert_ptr_null(read);
}
END_TEST

START_TEST(a_key_behind_a_password_is_refused_without_asking)
{
	AUTO(auto_pkey) EVP_PKEY *made = NULL;
	AUTO(auto_pkey) EVP_PKEY *read = NULL;
	AUTO(buf_done) struct buf pem = buf_init(4096);
	struct err err = { 0 };

	ck_assert_int_eq(key_generate(&made, &err), 0);
	write_key(made, EVP_aes_128_cbc(), &pem);
	ck_assert_int_eq(key_read_pem(buf_slice(&pem), &read, &err), -1);
	ck_assert_int_eq(err.code, ERR_INVALID);
}
END_TEST

START_TEST(what_is_no_key_is_refused)
{
	static const char *const texts[] = {
		"", "hello", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
	};
	AUTO(auto_pkey) EVP_PKEY *read = NULL;
	struct err err = { 0 };

	ck_assert_int_eq(key_read_pem(slice_text(texts[_i]), &read, &err), -1);
	ck_assert_int_eq(err.code, ERR_INVALID);
}
END_TEST

Suite *key_suite(void);
Suite *key_suite(void)
{
	Suite *s = suite_create("key");
	TCase *tc = tcase_create("key");

	tcase_add_test(tc, a_key_comes_back_from_pem);
	tcase_add_test(tc, no_two_keys_are_the_same);
	tcase_add_loop_test(tc, a_seed_stands_for_one_key, 0, (int)ARRAY_LEN(seeds));
	tcase_add_test(tc, a_key_of_a_seed_is_whole);
	tcase_add_loop_test(tc, keys_of_other_kinds_are_refused, 0, 2);
	tcase_add_test(tc, a_key_behind_a_password_is_refused_without_asking);
	tcase_add_loop_test(tc, what_is_no_key_is_refused, 0, 3);
	suite_add_tcase(s, tc);
	return s;
}
