/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/tls_roots.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <stdbool.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "lib/ossl.h"

enum { DER_SEQUENCE = 0x30, DER_VERSION = 0xa0 };

struct root {
	unsigned char *der; /* OPENSSL_malloc */
	size_t n;
	struct slice subject; /* borrows from `der` */
	unsigned long name_hash; /* once `hashed` */
};

struct tls_roots {
	struct root *items;
	size_t n, cap;
	bool hashed;
	X509_LOOKUP_METHOD *method;
};

static void auto_roots(struct tls_roots **slot)
{
	tls_roots_free(*slot);
}

void tls_roots_free(struct tls_roots *roots)
{
	if (roots == NULL)
		return;
	for (size_t i = 0; i < roots->n; i++)
		OPENSSL_free(roots->items[i].der);
	free(roots->items);
	X509_LOOKUP_meth_free(roots->method);
	free(roots);
}

/* The next element with its header; its content in `out_content`. Lengths up to 65535 (X.690 8.1.3). */
static struct slice der_next(struct rd *r, uint8_t *out_tag, struct rd *out_content)
{
	const uint8_t *start = r->left.p;

	*out_tag = rd_u8(r);
	size_t n = rd_u8(r);

	if (n == 0x81)
		n = rd_u8(r);
	else if (n == 0x82)
		n = rd_u16(r);
	else if (n >= 0x80)
		r->bad = true;
	*out_content = rd_sub(r, n);
	struct slice element = { start, (size_t)(r->left.p - start) };

	if (r->bad)
		element = (struct slice){ 0 };
	return element;
}

/* RFC 5280 4.1: the subject is the sixth field of tbsCertificate, of which version comes first if at all. */
static bool find_subject(struct slice der, struct slice *out)
{
	struct rd whole = rd_init(der), certificate, tbs, field;
	uint8_t tag;

	der_next(&whole, &tag, &certificate);
	if (tag != DER_SEQUENCE)
		return false;
	der_next(&certificate, &tag, &tbs);
	if (tag != DER_SEQUENCE)
		return false;
	der_next(&tbs, &tag, &field);
	int before = tag == DER_VERSION ? 4 : 3; /* serial, signature algorithm, issuer, validity */

	while (before-- > 0)
		der_next(&tbs, &tag, &field);
	*out = der_next(&tbs, &tag, &field);
	return !tbs.bad && !certificate.bad && tag == DER_SEQUENCE;
}

static int add(struct tls_roots *roots, unsigned char *der, size_t n, struct err *err)
{
	struct root root = { .der = der, .n = n };

	if (!find_subject((struct slice){ der, n }, &root.subject)) {
		OPENSSL_free(der);
		return err_set(err, ERR_INVALID, "certificate %zu is malformed", roots->n + 1);
	}
	roots->items = mem_grow(roots->items, roots->n, &roots->cap, sizeof(*roots->items));
	roots->items[roots->n++] = root;
	return 0;
}

/* 1: one was added; 0: there is none left. */
static int read_next(BIO *bio, struct tls_roots *roots, struct err *err)
{
	char *name = NULL, *header = NULL;
	unsigned char *der = NULL;
	long n = 0;

	if (PEM_read_bio(bio, &name, &header, &der, &n) != 1) {
		bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;

		ERR_clear_error();
		return at_end ? 0
			      : err_set(err, ERR_INVALID, "certificate %zu is not PEM",
					roots->n + 1);
	}
	bool is_certificate = strcmp(name, PEM_STRING_X509) == 0;

	OPENSSL_free(name);
	OPENSSL_free(header);
	if (!is_certificate) {
		OPENSSL_free(der);
		return err_set(err, ERR_INVALID, "entry %zu is not a certificate", roots->n + 1);
	}
	return add(roots, der, (size_t)n, err) == -1 ? -1 : 1;
}

int tls_roots_new(struct slice pem, struct tls_roots **out, struct err *err)
{
	AUTO(auto_bio) BIO *bio = BIO_new_mem_buf(pem.n > 0 ? (const void *)pem.p : "", (int)pem.n);
	AUTO(auto_roots) struct tls_roots *roots = mem_calloc(1, sizeof(*roots));
	int more = 1;

	while (more == 1)
		more = read_next(bio, roots, err);
	if (more == -1)
		return -1;
	if (roots->n == 0)
		return err_set(err, ERR_INVALID, "no certificate in PEM");
	*out = STEAL(roots);
	return 0;
}

/* A name that cannot be read has none, and is nobody's issuer. */
static unsigned long hash_name(struct slice der)
{
	const unsigned char *p = der.p;
	X509_NAME *name = d2i_X509_NAME(NULL, &p, (long)der.n);
	int ok = 0;
	unsigned long hash = name != NULL ? X509_NAME_hash_ex(name, NULL, NULL, &ok) : 0;

	X509_NAME_free(name);
	return ok == 1 ? hash : 0;
}

static void hash_names(struct tls_roots *roots)
{
	for (size_t i = 0; i < roots->n; i++)
		roots->items[i].name_hash = hash_name(roots->items[i].subject);
	roots->hashed = true;
	ERR_clear_error();
}

/* Into the store's own cache, where OpenSSL looks first; so this happens once a root. */
static X509 *load(const struct root *root, const X509_NAME *name, X509_STORE *store)
{
	const unsigned char *p = root->der;
	AUTO(auto_x509) X509 *certificate = d2i_X509(NULL, &p, (long)root->n);

	if (certificate == NULL || X509_NAME_cmp(X509_get_subject_name(certificate), name) != 0 ||
	    X509_STORE_add_cert(store, certificate) != 1)
		return NULL;
	return STEAL(certificate);
}

static int find_by_subject(X509_LOOKUP *lookup, X509_LOOKUP_TYPE type, const X509_NAME *name,
			   X509_OBJECT *out)
{
	struct tls_roots *roots = X509_LOOKUP_get_method_data(lookup);
	int found = 0;

	if (type != X509_LU_X509)
		return 0;
	if (!roots->hashed)
		hash_names(roots);
	unsigned long hash = X509_NAME_hash_ex(name, NULL, NULL, NULL);

	/* All of that name go into the store, from which OpenSSL picks by key. It takes a reference of its own
	 * to what is answered here, hence the free. */
	for (size_t i = 0; i < roots->n; i++) {
		if (roots->items[i].name_hash != hash)
			continue;
		AUTO(auto_x509)
		X509 *certificate = load(&roots->items[i], name, X509_LOOKUP_get_store(lookup));

		if (certificate == NULL || found == 1)
			continue;
		found = X509_OBJECT_set1_X509(out, certificate);
		if (found == 1)
			X509_free(certificate);
	}
	ERR_clear_error();
	return found;
}

int tls_roots_attach(struct tls_roots *roots, X509_STORE *store, struct err *err)
{
	X509_LOOKUP_METHOD *method = X509_LOOKUP_meth_new("roots parsed when needed");
	X509_LOOKUP *lookup;

	if (method == NULL || X509_LOOKUP_meth_set_get_by_subject(method, find_by_subject) != 1 ||
	    (lookup = X509_STORE_add_lookup(store, method)) == NULL ||
	    X509_LOOKUP_set_method_data(lookup, roots) != 1) {
		X509_LOOKUP_meth_free(method);
		return ossl_fail(err, ERR_SYS, "build the trust store");
	}
	X509_LOOKUP_meth_free(roots->method);
	roots->method = method;
	return 0;
}
