/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <gnutls/x509.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "certs/key.h"
#include "certs/leaf.h"
#include "lib/cleanup.h"
#include "lib/ossl.h"

enum { NOW = 1800000000, DAY = 86400 };

static struct ca ca;
static EVP_PKEY *key;
static struct leaf_issuer *issuer;

static void make_issuer(void)
{
	struct err err = { 0 };

	ck_assert_int_eq(ca_create(&(struct ca_options){ "Test CA", NOW, 30 * DAY }, &ca, &err), 0);
	ck_assert_int_eq(key_generate(&key, &err), 0);
	ck_assert_int_eq(leaf_issuer_new(&ca, key, &issuer, &err), 0);
}

static void free_issuer(void)
{
	leaf_issuer_free(issuer);
	EVP_PKEY_free(key);
	ca_done(&ca);
}

static X509 *issue(const char *host)
{
	X509 *leaf = NULL;
	struct err err = { 0 };

	ck_assert_msg(leaf_issue(issuer, &(struct leaf_options){ host, NOW, 2 * DAY }, &leaf,
				 &err) == 0,
		      "%s", err.msg);
	return leaf;
}

/* The verdict of a strict verifier at `at_s`, that trusts our authority only. */
static int verify(X509 *leaf, const char *host, bool is_address, int64_t at_s)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();

	X509_STORE_add_cert(store, ca.certificate);
	ck_assert_int_eq(X509_STORE_CTX_init(ctx, store, leaf, NULL), 1);
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);

	X509_VERIFY_PARAM_set_flags(param,
				    X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE);
	X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_SERVER);
	X509_VERIFY_PARAM_set_time(param, at_s);
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	ck_assert_int_eq(is_address ? X509_VERIFY_PARAM_set1_ip_asc(param, host)
				    : X509_VERIFY_PARAM_set1_host(param, host, 0),
			 1);
	X509_verify_cert(ctx);
	int verdict = X509_STORE_CTX_get_error(ctx);

	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return verdict;
}

#define LABEL_63 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0"

static const struct {
	const char *host;
	bool is_address;
} hosts[] = {
	{ "api.example.com", false },
	{ "localhost", false },
	{ "under_score.example", false },
	{ "Mixed.Example", false },
	{ "xn--mnchen-3ya.example", false },
	{ "r3---sn-4g5e.example", false },
	{ LABEL_63 "." LABEL_63 "." LABEL_63 ".example", false }, /* no room as common name */
	{ "192.0.2.1", true },
	{ "2001:db8::1", true },
};

START_TEST(a_strict_client_accepts_the_leaf_for_its_host)
{
	AUTO(auto_x509) X509 *leaf = issue(hosts[_i].host);

	ck_assert_int_eq(verify(leaf, hosts[_i].host, hosts[_i].is_address, NOW), X509_V_OK);
}
END_TEST

static void to_gnutls(X509 *certificate, gnutls_x509_crt_t *out)
{
	unsigned char *der = NULL;
	int n = i2d_X509(certificate, &der);

	ck_assert_int_eq(gnutls_x509_crt_init(out), 0);
	ck_assert_int_eq(gnutls_x509_crt_import(*out, &(gnutls_datum_t){ der, (unsigned int)n },
						GNUTLS_X509_FMT_DER),
			 0);
	OPENSSL_free(der);
}

/* By a library that has no line in common with the one that made it. */
START_TEST(another_library_accepts_the_leaf_for_its_host)
{
	AUTO(auto_x509) X509 *leaf = issue(hosts[_i].host);
	gnutls_x509_crt_t authority, server;
	gnutls_x509_trust_list_t trusted;
	unsigned int verdict;

	to_gnutls(ca.certificate, &authority);
	to_gnutls(leaf, &server);
	gnutls_x509_trust_list_init(&trusted, 0);
	ck_assert_int_eq(gnutls_x509_trust_list_add_cas(trusted, &authority, 1, 0), 1);
	ck_assert_int_eq(gnutls_x509_trust_list_verify_crt(trusted, &server, 1,
							   GNUTLS_VERIFY_DISABLE_TIME_CHECKS,
							   &verdict, NULL),
			 0);
	ck_assert_uint_eq(verdict, 0);
	ck_assert_int_ne(gnutls_x509_crt_check_hostname(server, hosts[_i].host), 0);
	ck_assert_int_eq(gnutls_x509_crt_check_hostname(server, "other.example"), 0);
	gnutls_x509_crt_deinit(server);
	gnutls_x509_trust_list_deinit(trusted, 1);
}
END_TEST

START_TEST(a_leaf_is_for_no_other_host)
{
	AUTO(auto_x509) X509 *named = issue("api.example.com");
	AUTO(auto_x509) X509 *numbered = issue("192.0.2.1");

	ck_assert_int_eq(verify(named, "example.com", false, NOW), X509_V_ERR_HOSTNAME_MISMATCH);
	ck_assert_int_eq(verify(named, "x.api.example.com", false, NOW),
			 X509_V_ERR_HOSTNAME_MISMATCH);
	ck_assert_int_eq(verify(numbered, "192.0.2.2", true, NOW), X509_V_ERR_IP_ADDRESS_MISMATCH);
}
END_TEST

START_TEST(a_leaf_is_valid_for_its_life_and_a_little_before)
{
	AUTO(auto_x509) X509 *leaf = issue("a.example");

	ck_assert_int_eq(verify(leaf, "a.example", false, NOW - CA_SKEW_S), X509_V_OK);
	ck_assert_int_eq(verify(leaf, "a.example", false, NOW - CA_SKEW_S - 1),
			 X509_V_ERR_CERT_NOT_YET_VALID);
	ck_assert_int_eq(verify(leaf, "a.example", false, NOW + 2 * DAY - 1), X509_V_OK);
	ck_assert_int_eq(verify(leaf, "a.example", false, NOW + 2 * DAY + 1),
			 X509_V_ERR_CERT_HAS_EXPIRED);
}
END_TEST

START_TEST(a_leaf_never_outlives_its_authority)
{
	struct leaf_options options = { "a.example", ca.to_s - 10, 2 * DAY };
	AUTO(auto_x509) X509 *leaf = NULL;
	struct err err = { 0 };

	ck_assert_int_eq(leaf_issue(issuer, &options, &leaf, &err), 0);
	ck_assert_int_eq(ASN1_TIME_compare(X509_get0_notAfter(leaf),
					   X509_get0_notAfter(ca.certificate)),
			 0);
}
END_TEST

START_TEST(an_authority_that_is_not_valid_signs_nothing)
{
	int64_t times[] = { ca.from_s - 1, ca.to_s };
	X509 *leaf = NULL;
	struct err err = { 0 };

	ck_assert_int_eq(leaf_issue(issuer, &(struct leaf_options){ "a.example", times[_i], DAY },
				    &leaf, &err),
			 -1);
	ck_assert_int_eq(err.code, ERR_DENIED);
	ck_assert_ptr_null(leaf);
}
END_TEST

static const char *const bad_hosts[] = {
	"",
	".",
	"a.example.",
	".a.example",
	"a..example",
	"*.example",
	"a b.example",
	"a/b",
	"a:443",
	"[2001:db8::1]",
	"fe80::1%eth0",
	"-a.example",
	"m\xc3\xbcnchen.example",
	"1.2.3",
	"1.2.3.4.5",
	"a.0x7f",
	"a\nb",
	"example.com,DNS:evil.example",
	LABEL_63 "x.example",
	LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63,
};

START_TEST(what_is_no_host_gets_no_leaf)
{
	X509 *leaf = NULL;
	struct err err = { 0 };

	ck_assert_int_eq(leaf_issue(issuer, &(struct leaf_options){ bad_hosts[_i], NOW, DAY },
				    &leaf, &err),
			 -1);
	ck_assert_int_eq(err.code, ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(err.msg, "is not a host name or address"));
	ck_assert_ptr_null(leaf);
}
END_TEST

START_TEST(a_life_out_of_bounds_is_refused)
{
	static const int64_t lives[] = { 0, -1, (int64_t)LEAF_LIFE_MAX_S + 1 };
	X509 *leaf = NULL;
	struct err err = { 0 };

	ck_assert_int_eq(leaf_issue(issuer, &(struct leaf_options){ "a.example", NOW, lives[_i] },
				    &leaf, &err),
			 -1);
	ck_assert_int_eq(err.code, ERR_INVALID);
}
END_TEST

START_TEST(a_leaf_may_only_be_a_server)
{
	AUTO(auto_x509) X509 *leaf = issue("a.example");

	ck_assert_int_eq(X509_check_ca(leaf), 0);
	ck_assert_int_eq(X509_get_key_usage(leaf), KU_DIGITAL_SIGNATURE);
	ck_assert_int_eq(X509_get_extended_key_usage(leaf), XKU_SSL_SERVER);
	ck_assert_int_eq(X509_check_purpose(leaf, X509_PURPOSE_SSL_CLIENT, 0), 0);
	ck_assert_int_eq(ASN1_OCTET_STRING_cmp(X509_get0_authority_key_id(leaf),
					       X509_get0_subject_key_id(ca.certificate)),
			 0);
	ck_assert_ptr_nonnull(X509_get0_subject_key_id(leaf));
}
END_TEST

START_TEST(each_leaf_has_its_own_serial_number)
{
	AUTO(auto_x509) X509 *one = issue("a.example");
	AUTO(auto_x509) X509 *two = issue("a.example");

	ck_assert_int_ne(ASN1_INTEGER_cmp(X509_get0_serialNumber(one), X509_get0_serialNumber(two)),
			 0);
}
END_TEST

Suite *leaf_suite(void);
Suite *leaf_suite(void)
{
	Suite *s = suite_create("leaf");
	TCase *tc = tcase_create("leaf");

	tcase_add_checked_fixture(tc, make_issuer, free_issuer);
	tcase_add_loop_test(tc, a_strict_client_accepts_the_leaf_for_its_host, 0,
			    (int)ARRAY_LEN(hosts));
	tcase_add_loop_test(tc, another_library_accepts_the_leaf_for_its_host, 0,
			    (int)ARRAY_LEN(hosts));
	tcase_add_test(tc, a_leaf_is_for_no_other_host);
	tcase_add_test(tc, a_leaf_is_valid_for_its_life_and_a_little_before);
	tcase_add_test(tc, a_leaf_never_outlives_its_authority);
	tcase_add_loop_test(tc, an_authority_that_is_not_valid_signs_nothing, 0, 2);
	tcase_add_loop_test(tc, what_is_no_host_gets_no_leaf, 0, (int)ARRAY_LEN(bad_hosts));
	tcase_add_loop_test(tc, a_life_out_of_bounds_is_refused, 0, 3);
	tcase_add_test(tc, a_leaf_may_only_be_a_server);
	tcase_add_test(tc, each_leaf_has_its_own_serial_number);
	suite_add_tcase(s, tc);
	return s;
}
