/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <openssl/x509v3.h>

#include "certs/ca.h"
#include "certs/key.h"
#include "lib/cleanup.h"
#include "lib/ossl.h"

enum { NOW = 1800000000, DAY = 86400 };

static const struct ca_options usual = { "Test CA", NOW, 30 * DAY };

START_TEST(an_authority_signs_leaves_only_and_for_its_life)
{
	AUTO(ca_done) struct ca ca = { 0 };
	struct err err = { 0 };

	ck_assert_int_eq(ca_create(&usual, &ca, &err), 0);
	ck_assert_int_eq(X509_check_ca(ca.certificate), 1);
	ck_assert_int_eq(X509_get_pathlen(ca.certificate), 0);
	ck_assert_int_eq(X509_get_key_usage(ca.certificate), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
	ck_assert_int_eq(X509_verify(ca.certificate, ca.key), 1);
	ck_assert_ptr_nonnull(X509_get0_subject_key_id(ca.certificate));
	ck_assert_int_eq(ca.from_s, NOW - CA_SKEW_S);
	ck_assert_int_eq(ca.to_s, NOW + 30 * DAY);
	time_t at = NOW + 30 * DAY;

	ck_assert_int_eq(X509_cmp_time(X509_get0_notAfter(ca.certificate), &at), -1);
	at -= 1;
	ck_assert_int_eq(X509_cmp_time(X509_get0_notAfter(ca.certificate), &at), 1);
}
END_TEST

static bool is_critical(const X509 *certificate, int nid)
{
	int at = X509_get_ext_by_NID(certificate, nid, -1);

	ck_assert_int_ge(at, 0);
	return X509_EXTENSION_get_critical(X509_get_ext(certificate, at)) == 1;
}

START_TEST(what_makes_it_an_authority_is_critical)
{
	AUTO(ca_done) struct ca ca = { 0 };
	struct err err = { 0 };

	ck_assert_int_eq(ca_create(&usual, &ca, &err), 0);
	ck_assert(is_critical(ca.certificate, NID_basic_constraints));
	ck_assert(is_critical(ca.certificate, NID_key_usage));
}
END_TEST

/* To the byte: OpenSSL reads more than DER allows, other clients do not. */
START_TEST(what_makes_it_an_authority_is_strict_der)
{
	static const struct {
		int nid;
		const char *der;
		int n;
	} extensions[] = {
		{ NID_basic_constraints, "\x30\x06\x01\x01\xff\x02\x01\x00", 8 },
		{ NID_key_usage, "\x03\x02\x01\x06", 4 },
	};
	AUTO(ca_done) struct ca ca = { 0 };
	struct err err = { 0 };

	ck_assert_int_eq(ca_create(&usual, &ca, &err), 0);
	int at = X509_get_ext_by_NID(ca.certificate, extensions[_i].nid, -1);
	const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(X509_get_ext(ca.certificate, at));

	ck_assert_int_eq(ASN1_STRING_length(value), extensions[_i].n);
	ck_assert_mem_eq(ASN1_STRING_get0_data(value), extensions[_i].der,
			 (size_t)extensions[_i].n);
}
END_TEST

START_TEST(serial_numbers_are_random_and_positive)
{
	AUTO(ca_done) struct ca one = { 0 };
	AUTO(ca_done) struct ca two = { 0 };
	struct err err = { 0 };

	ck_assert_int_eq(ca_create(&usual, &one, &err), 0);
	ck_assert_int_eq(ca_create(&usual, &two, &err), 0);
	const ASN1_INTEGER *serial = X509_get0_serialNumber(one.certificate);

	ck_assert_int_eq(ASN1_STRING_type(serial), V_ASN1_INTEGER);
	ck_assert_int_eq(ASN1_STRING_length(serial), 16);
	ck_assert_int_ne(ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(two.certificate)), 0);
}
END_TEST

static const struct ca_options bad_options[] = {
	{ "Test CA", NOW, 0 },
	{ "Test CA", NOW, -1 },
	{ "Test CA", NOW, (int64_t)CA_LIFE_MAX_S + 1 },
	{ "", NOW, DAY },
	{ "a name of more than the sixty-four bytes that a common name may have", NOW, DAY },
};

START_TEST(a_life_or_name_out_of_bounds_is_refused)
{
	AUTO(ca_done) struct ca ca = { 0 };
	struct err err = { 0 };

	ck_assert_int_eq(ca_create(&bad_options[_i], &ca, &err), -1);
	ck_assert_int_eq(err.code, ERR_INVALID);
	ck_assert_ptr_null(ca.certificate);
}
END_TEST

static void to_pem(const struct ca *ca, struct buf *certificate, struct buf *key)
{
	struct err err = { 0 };

	ck_assert_int_eq(ca_write_pem(ca, certificate, &err), 0);
	ck_assert_int_eq(key_write_pem(ca->key, key, &err), 0);
}

START_TEST(an_authority_comes_back_from_pem)
{
	AUTO(ca_done) struct ca made = { 0 };
	AUTO(ca_done) struct ca loaded = { 0 };
	AUTO(buf_done) struct buf certificate = buf_init(CA_PEM_MAX);
	AUTO(buf_done) struct buf key = buf_init(CA_PEM_MAX);
	struct err err = { 0 };

	ck_assert_int_eq(ca_create(&usual, &made, &err), 0);
	to_pem(&made, &certificate, &key);
	ck_assert_int_eq(ca_load(buf_slice(&certificate), buf_slice(&key), &loaded, &err), 0);
	ck_assert_int_eq(X509_cmp(made.certificate, loaded.certificate), 0);
	ck_assert_int_eq(loaded.from_s, made.from_s);
	ck_assert_int_eq(loaded.to_s, made.to_s);
}
END_TEST

START_TEST(a_key_of_somebody_else_is_refused)
{
	AUTO(ca_done) struct ca made = { 0 };
	AUTO(ca_done) struct ca loaded = { 0 };
	AUTO(auto_pkey) EVP_PKEY *other = NULL;
	AUTO(buf_done) struct buf certificate = buf_init(CA_PEM_MAX);
	AUTO(buf_done) struct buf key = buf_init(CA_PEM_MAX);
	struct err err = { 0 };

	ck_assert_int_eq(ca_create(&usual, &made, &err), 0);
	ck_assert_int_eq(key_generate(&other, &err), 0);
	ck_assert_int_eq(ca_write_pem(&made, &certificate, &err), 0);
	ck_assert_int_eq(key_write_pem(other, &key, &err), 0);
	ck_assert_int_eq(ca_load(buf_slice(&certificate), buf_slice(&key), &loaded, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.msg, "the key is not the certificate's"));
	ck_assert_ptr_null(loaded.key);
}
END_TEST

START_TEST(two_certificates_or_none_are_refused)
{
	AUTO(ca_done) struct ca made = { 0 };
	AUTO(ca_done) struct ca loaded = { 0 };
	AUTO(buf_done) struct buf certificate = buf_init(CA_PEM_MAX);
	AUTO(buf_done) struct buf key = buf_init(CA_PEM_MAX);
	struct err err = { 0 };

	ck_assert_int_eq(ca_create(&usual, &made, &err), 0);
	to_pem(&made, &certificate, &key);
	ck_assert_int_eq(ca_write_pem(&made, &certificate, &err), 0);
	ck_assert_int_eq(ca_load(buf_slice(&certificate), buf_slice(&key), &loaded, &err), -1);
	ck_assert_str_eq(err.msg, "more than one certificate");
	ck_assert_int_eq(ca_load(slice_text("hello"), buf_slice(&key), &loaded, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.msg, "not a certificate in PEM"));
}
END_TEST

/* A server's certificate must not become an authority by being mounted as one. */
START_TEST(a_certificate_that_may_not_sign_is_refused)
{
	AUTO(ca_done) struct ca made = { 0 };
	AUTO(ca_done) struct ca loaded = { 0 };
	AUTO(buf_done) struct buf certificate = buf_init(CA_PEM_MAX);
	AUTO(buf_done) struct buf key = buf_init(CA_PEM_MAX);
	struct err err = { 0 };

	ck_assert_int_eq(ca_create(&usual, &made, &err), 0);
	X509_EXTENSION_free(
		X509_delete_ext(made.certificate,
				X509_get_ext_by_NID(made.certificate, NID_basic_constraints, -1)));
	ck_assert_int_gt(X509_sign(made.certificate, made.key, EVP_sha256()), 0);
	to_pem(&made, &certificate, &key);
	ck_assert_int_eq(ca_load(buf_slice(&certificate), buf_slice(&key), &loaded, &err), -1);
	ck_assert_str_eq(err.msg, "the certificate may not sign certificates");
}
END_TEST

Suite *ca_suite(void);
Suite *ca_suite(void)
{
	Suite *s = suite_create("ca");
	TCase *tc = tcase_create("ca");

	tcase_add_test(tc, an_authority_signs_leaves_only_and_for_its_life);
	tcase_add_test(tc, what_makes_it_an_authority_is_critical);
	tcase_add_loop_test(tc, what_makes_it_an_authority_is_strict_der, 0, 2);
	tcase_add_test(tc, serial_numbers_are_random_and_positive);
	tcase_add_loop_test(tc, a_life_or_name_out_of_bounds_is_refused, 0,
			    (int)ARRAY_LEN(bad_options));
	tcase_add_test(tc, an_authority_comes_back_from_pem);
	tcase_add_test(tc, a_key_of_somebody_else_is_refused);
	tcase_add_test(tc, two_certificates_or_none_are_refused);
	tcase_add_test(tc, a_certificate_that_may_not_sign_is_refused);
	suite_add_tcase(s, tc);
	return s;
}
