/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>

#include "certs/key.h"
#include "certs/leaf.h"
#include "lib/cleanup.h"
#include "lib/mem.h"
#include "lib/ossl.h"
#include "lib/tls_roots.h"

enum { NOW = 1800000000, DAY = 86400, CAS = 3 };

static struct ca cas[CAS];
static EVP_PKEY *key;

/* The first two have one name. */
static void begin(void)
{
	static const char *const names[CAS] = { "Same CA", "Same CA", "Other CA" };
	struct err err = { 0 };

	for (int i = 0; i < CAS; i++)
		ck_assert_int_eq(ca_create(&(struct ca_options){ names[i], NOW, DAY }, &cas[i],
					   &err),
				 0);
	ck_assert_int_eq(key_generate(&key, &err), 0);
}

static void end(void)
{
	for (int i = 0; i < CAS; i++)
		ca_done(&cas[i]);
	EVP_PKEY_free(key);
}

static X509 *issue(const struct ca *ca)
{
	struct leaf_issuer *issuer;
	X509 *leaf;
	struct err err = { 0 };

	ck_assert_int_eq(leaf_issuer_new(ca, key, &issuer, &err), 0);
	ck_assert_int_eq(leaf_issue(issuer, &(struct leaf_options){ "a.example", NOW, DAY }, &leaf,
				    &err),
			 0);
	leaf_issuer_free(issuer);
	return leaf;
}

static int verify(X509_STORE *store, const struct ca *ca)
{
	AUTO(auto_x509) X509 *leaf = issue(ca);
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();

	ck_assert_int_eq(X509_STORE_CTX_init(ctx, store, leaf, NULL), 1);
	X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(ctx), NOW);
	X509_verify_cert(ctx);
	int verdict = X509_STORE_CTX_get_error(ctx);

	X509_STORE_CTX_free(ctx);
	return verdict;
}

static void put_roots(struct buf *out, int first, int last)
{
	struct err err = { 0 };

	buf_puts(out, "# roots\n\n");
	for (int i = first; i <= last; i++)
		ck_assert_int_eq(ca_write_pem(&cas[i], out, &err), 0);
}

START_TEST(a_chain_is_followed_to_its_root_also_among_roots_of_one_name)
{
	AUTO(buf_done) struct buf pem = buf_init(1 << 16);
	struct tls_roots *roots;
	X509_STORE *store = X509_STORE_new();
	struct err err = { 0 };

	put_roots(&pem, 0, 2);
	ck_assert_msg(tls_roots_new(buf_slice(&pem), &roots, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(tls_roots_attach(roots, store, &err), 0);
	/* Twice: found among the parsed ones the second time. */
	for (int i = 0; i < 2 * CAS; i++)
		ck_assert_int_eq(verify(store, &cas[i % CAS]), X509_V_OK);
	X509_STORE_free(store);
	tls_roots_free(roots);
}
END_TEST

START_TEST(a_root_that_is_not_there_is_not_found)
{
	AUTO(buf_done) struct buf pem = buf_init(1 << 16);
	struct tls_roots *roots;
	X509_STORE *store = X509_STORE_new();
	struct err err = { 0 };

	put_roots(&pem, 0, 0);
	ck_assert_int_eq(tls_roots_new(buf_slice(&pem), &roots, &err), 0);
	ck_assert_int_eq(tls_roots_attach(roots, store, &err), 0);
	ck_assert_int_eq(verify(store, &cas[0]), X509_V_OK);
	ck_assert_int_ne(verify(store, &cas[1]), X509_V_OK); /* the name alone is not enough */
	ck_assert_int_ne(verify(store, &cas[2]), X509_V_OK);
	X509_STORE_free(store);
	tls_roots_free(roots);
}
END_TEST

/* Cut anywhere, the last certificate must be missed, not half taken. */
START_TEST(every_truncation_is_refused)
{
	AUTO(buf_done) struct buf pem = buf_init(1 << 16);
	struct err err = { 0 };

	ck_assert_int_eq(ca_write_pem(&cas[0], &pem, &err), 0);
	for (size_t n = 0; n < pem.n - 1; n++) {
		AUTO_FREE uint8_t *cut = mem_calloc(n + 1, 1);
		struct tls_roots *roots = NULL;

		memcpy(cut, pem.p, n);
		ck_assert_msg(tls_roots_new((struct slice){ cut, n }, &roots, &err) == -1,
			      "%zu of %zu bytes", n, pem.n);
	}
}
END_TEST

Suite *tls_roots_suite(void);
Suite *tls_roots_suite(void)
{
	Suite *s = suite_create("tls_roots");
	TCase *tc = tcase_create("tls_roots");

	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_test(tc, a_chain_is_followed_to_its_root_also_among_roots_of_one_name);
	tcase_add_test(tc, a_root_that_is_not_there_is_not_found);
	tcase_add_test(tc, every_truncation_is_refused);
	suite_add_tcase(s, tc);
	return s;
}
