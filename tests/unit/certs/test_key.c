/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
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
	tcase_add_loop_test(tc, keys_of_other_kinds_are_refused, 0, 2);
	tcase_add_test(tc, a_key_behind_a_password_is_refused_without_asking);
	tcase_add_loop_test(tc, what_is_no_key_is_refused, 0, 3);
	suite_add_tcase(s, tc);
	return s;
}
