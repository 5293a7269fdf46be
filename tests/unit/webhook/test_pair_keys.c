/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <openssl/x509.h>

#include "certs/ca.h"
#include "certs/key.h"
#include "certs/leaf.h"
#include "lib/cleanup.h"
#include "lib/ossl.h"
#include "webhook/pair_keys.h"

#define MASTER "0123456789abcdef0123456789abcdef"
#define OTHER_MASTER "1123456789abcdef0123456789abcdef"
#define UID "0d6a2c0e-5f0b-4a51-9a6e-3f1f5a4b7c01"
#define OTHER_UID "0d6a2c0e-5f0b-4a51-9a6e-3f1f5a4b7c02"

enum { CREATED_S = 1767323045 };

static struct pair_keys derived(const char *master, const char *uid)
{
	struct pair_keys keys = { 0 };
	struct err err = { 0 };

	ck_assert_msg(pair_keys_derive(slice_text(master), uid, CREATED_S, &keys, &err) == 0, "%s",
		      err.msg);
	return keys;
}

START_TEST(the_same_pod_has_the_same_secrets)
{
	AUTO(pair_keys_done) struct pair_keys one = derived(MASTER, UID);
	AUTO(pair_keys_done) struct pair_keys two = derived(MASTER, UID);

	ck_assert_str_eq(buf_text(&one.token), buf_text(&two.token));
	ck_assert_str_eq(buf_text(&one.private_key), buf_text(&two.private_key));
	ck_assert_uint_eq(one.token.n, 64);
}
END_TEST

static const struct {
	const char *master, *uid;
} others[] = { { MASTER, OTHER_UID }, { OTHER_MASTER, UID } };

START_TEST(another_pod_or_cluster_has_others)
{
	AUTO(pair_keys_done) struct pair_keys one = derived(MASTER, UID);
	AUTO(pair_keys_done) struct pair_keys two = derived(others[_i].master, others[_i].uid);

	ck_assert_str_ne(buf_text(&one.token), buf_text(&two.token));
	ck_assert_str_ne(buf_text(&one.private_key), buf_text(&two.private_key));
}
END_TEST

static X509 *leaf_of(const struct ca *ca)
{
	const struct leaf_options options = { "example.com", CREATED_S + 60, 3600 };
	AUTO(auto_pkey) EVP_PKEY *key = NULL;
	struct leaf_issuer *issuer;
	X509 *leaf;
	struct err err = { 0 };

	ck_assert_int_eq(key_generate(&key, &err), 0);
	ck_assert_int_eq(leaf_issuer_new(ca, key, &issuer, &err), 0);
	ck_assert_msg(leaf_issue(issuer, &options, &leaf, &err) == 0, "%s", err.msg);
	leaf_issuer_free(issuer);
	return leaf;
}

static int verify(X509 *leaf, X509 *root)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *context = X509_STORE_CTX_new();

	X509_STORE_add_cert(store, root);
	X509_STORE_CTX_init(context, store, leaf, NULL);
	X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(context), CREATED_S + 120);
	int result = X509_verify_cert(context);

	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	return result;
}

static void load(const struct pair_keys *keys, struct ca *out)
{
	struct err err = { 0 };

	ck_assert_msg(ca_load(buf_slice(&keys->certificate), buf_slice(&keys->private_key), out,
			      &err) == 0,
		      "%s", err.msg);
}

/* The Secret may be made again long after the agent pod has learnt its certificate. */
START_TEST(what_a_proxy_issues_after_its_secret_was_made_anew_is_trusted)
{
	AUTO(pair_keys_done) struct pair_keys one = derived(MASTER, UID);
	AUTO(pair_keys_done) struct pair_keys two = derived(MASTER, UID);
	AUTO(pair_keys_done) struct pair_keys stranger = derived(MASTER, OTHER_UID);
	AUTO(ca_done) struct ca trusted = { 0 }, anew = { 0 }, other = { 0 };

	load(&one, &trusted);
	load(&two, &anew);
	load(&stranger, &other);
	AUTO(auto_x509) X509 *leaf = leaf_of(&anew);
	AUTO(auto_x509) X509 *foreign = leaf_of(&other);
	ck_assert_int_eq(verify(leaf, trusted.certificate), 1);
	ck_assert_int_eq(verify(foreign, trusted.certificate), 0);
}
END_TEST

START_TEST(a_certificate_is_valid_from_the_pods_creation)
{
	AUTO(pair_keys_done) struct pair_keys keys = derived(MASTER, UID);
	AUTO(ca_done) struct ca ca = { 0 };

	load(&keys, &ca);
	ck_assert_int_eq(ca.from_s, CREATED_S - CA_SKEW_S);
	ck_assert_int_eq(ca.to_s, CREATED_S + CA_LIFE_MAX_S);
}
END_TEST

START_TEST(a_master_key_that_is_none_is_refused)
{
	AUTO(pair_keys_done) struct pair_keys keys = { 0 };
	struct err err = { 0 };

	ck_assert_int_eq(pair_keys_derive(slice_text("short"), UID, CREATED_S, &keys, &err), -1);
	ck_assert_int_eq(err.code, ERR_INVALID);
	ck_assert_uint_eq(keys.token.n, 0);
}
END_TEST

Suite *pair_keys_suite(void);
Suite *pair_keys_suite(void)
{
	Suite *s = suite_create("pair_keys");
	TCase *tc = tcase_create("pair_keys");

	tcase_add_test(tc, the_same_pod_has_the_same_secrets);
	tcase_add_loop_test(tc, another_pod_or_cluster_has_others, 0, (int)ARRAY_LEN(others));
	tcase_add_test(tc, what_a_proxy_issues_after_its_secret_was_made_anew_is_trusted);
	tcase_add_test(tc, a_certificate_is_valid_from_the_pods_creation);
	tcase_add_test(tc, a_master_key_that_is_none_is_refused);
	suite_add_tcase(s, tc);
	return s;
}
