/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <gnutls/x509.h>
#include <time.h>

#include "certs/ca.h"
#include "certs/key.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "webhook/conns.h"
#include "webhook/serving_cert.h"

enum { DAY_S = 86400 };

static const struct {
	struct serving_cert_life life;
	int64_t now_s;
	bool is_late;
} cases[] = {
	{ { 0, 90 * DAY_S }, 76 * DAY_S, false },
	{ { 0, 90 * DAY_S }, 76 * DAY_S + 1, true },
	{ { 0, 90 * DAY_S }, 91 * DAY_S, true },
	{ { 100 * DAY_S, 101 * DAY_S }, 100 * DAY_S + DAY_S * 3 / 4, false },
	{ { 100 * DAY_S, 101 * DAY_S }, 100 * DAY_S + DAY_S * 3 / 4 + 1, true },
	{ { DAY_S, DAY_S }, DAY_S + 1, true },
	{ { DAY_S, 0 }, DAY_S, false },
	{ { 0, 0 }, DAY_S, false },
};

START_TEST(a_certificate_is_late_two_weeks_before_its_end_or_a_quarter_of_its_life)
{
	ck_assert_int_eq(serving_cert_is_late(&cases[_i].life, cases[_i].now_s), cases[_i].is_late);
}
END_TEST

/* Whose name is `name`; loaded. */
static void load(const char *name)
{
	const struct ca_options options = { .common_name = name,
					    .now_s = time(NULL),
					    .life_s = DAY_S };
	AUTO(ca_done) struct ca ca = { 0 };
	AUTO(buf_done) struct buf cert = buf_init(CA_PEM_MAX);
	AUTO(buf_done) struct buf key = buf_init_secret(CA_PEM_MAX);
	struct err err;

	ck_assert_int_eq(ca_create(&options, &ca, &err), 0);
	ck_assert_int_eq(ca_write_pem(&ca, &cert, &err), 0);
	ck_assert_int_eq(key_write_pem(ca.key, &key, &err), 0);
	ck_assert_int_eq(serving_cert_take(buf_slice(&cert), buf_slice(&key), name, &err), 0);
}

/* What a handshake is given. */
struct given {
	gnutls_pcert_st *chain;
	unsigned int n, flags;
	gnutls_privkey_t key;
};

static int give(struct given *out)
{
	gnutls_ocsp_data_st *ocsp;
	unsigned int n_ocsp;

	return serving_cert_retrieve(NULL, NULL, &out->chain, &out->n, &ocsp, &n_ocsp, &out->key,
				     &out->flags);
}

/* It signs, and its certificate verifies that and has this name. */
static void assert_serves(const struct given *given, const char *name)
{
	unsigned char byte = 'x';
	const gnutls_datum_t text = { &byte, 1 };
	gnutls_datum_t signature = { 0 };
	gnutls_x509_crt_t cert;
	char found[64];
	size_t n = sizeof(found);

	ck_assert_uint_eq(given->n, 1);
	ck_assert_uint_eq(given->flags, 0); /* the library frees nothing of it */
	ck_assert_int_eq(gnutls_pcert_export_x509(given->chain, &cert), 0);
	ck_assert_int_eq(gnutls_x509_crt_get_dn_by_oid(cert, GNUTLS_OID_X520_COMMON_NAME, 0, 0,
						       found, &n),
			 0);
	gnutls_x509_crt_deinit(cert);
	ck_assert_str_eq(found, name);
	ck_assert_int_eq(gnutls_privkey_sign_data(given->key, GNUTLS_DIG_SHA256, 0, &text,
						  &signature),
			 0);
	ck_assert_int_ge(gnutls_pubkey_verify_data2(given->chain->pubkey, GNUTLS_SIGN_ECDSA_SHA256,
						    0, &text, &signature),
			 0);
	gnutls_free(signature.data);
}

START_TEST(a_handshake_under_way_keeps_what_it_began_with_however_often_another_is_loaded)
{
	struct given first, second, third;

	load("first");
	ck_assert_int_eq(give(&first), 0);
	load("second");
	ck_assert_int_eq(give(&second), 0);
	load("third");
	ck_assert_int_eq(give(&third), 0);
	serving_cert_sweep(clock_ms(CLOCK_MONOTONIC) + CONNS_FIRST_MS);
	assert_serves(&first, "first");
	assert_serves(&second, "second");
	assert_serves(&third, "third");
	serving_cert_done();
}
END_TEST

START_TEST(where_none_is_loaded_handshakes_fail)
{
	struct given none;

	ck_assert_int_eq(give(&none), -1);
	load("first");
	serving_cert_done();
	ck_assert_int_eq(give(&none), -1);
	ck_assert_int_eq(serving_cert_life().expires_s, 0);
}
END_TEST

Suite *serving_cert_suite(void);
Suite *serving_cert_suite(void)
{
	Suite *suite = suite_create("serving_cert");
	TCase *each = tcase_create("serving_cert");

	tcase_add_loop_test(each,
			    a_certificate_is_late_two_weeks_before_its_end_or_a_quarter_of_its_life,
			    0, ARRAY_LEN(cases));
	tcase_add_test(
		each,
		a_handshake_under_way_keeps_what_it_began_with_however_often_another_is_loaded);
	tcase_add_test(each, where_none_is_loaded_handshakes_fail);
	suite_add_tcase(suite, each);
	return suite;
}
