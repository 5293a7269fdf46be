/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/serving_cert.h"

#include <gnutls/x509.h>
#include <pthread.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/io.h"

enum {
	CHAIN_MAX = 8,
	PEM_MAX = 256 * 1024,
	LATE_S = 14 * 86400,
};

struct pair {
	gnutls_x509_crt_t chain[CHAIN_MAX];
	unsigned int n;
	gnutls_x509_privkey_t key;
};

/* The library's callback carries no pointer of ours, so there is one per process. */
static struct {
	pthread_mutex_t lock;
	struct pair pair;
} current = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void pair_done(struct pair *pair)
{
	for (unsigned int i = 0; i < pair->n; i++)
		gnutls_x509_crt_deinit(pair->chain[i]);
	if (pair->key != NULL)
		gnutls_x509_privkey_deinit(pair->key);
	*pair = (struct pair){ 0 };
}

static int refuse(const char *path, int code, struct err *err)
{
	return err_set(err, ERR_INVALID, "'%s': %s", path, gnutls_strerror(code));
}

/* A pair as it comes, and what errors call its halves. */
struct source {
	struct slice cert, key;
	const char *cert_name, *key_name;
};

static gnutls_datum_t datum_of(struct slice text)
{
	gnutls_datum_t datum = { .size = (unsigned int)text.n };

	/* The library takes what it only reads as if it changed it. */
	memcpy(&datum.data, &text.p, sizeof(text.p));
	return datum;
}

static int read_pair(const struct source *source, struct pair *out, struct err *err)
{
	const gnutls_datum_t cert = datum_of(source->cert), key = datum_of(source->key);
	unsigned int n = CHAIN_MAX;

	int code = gnutls_x509_crt_list_import(out->chain, &n, &cert, GNUTLS_X509_FMT_PEM,
					       GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED);
	if (code < 0)
		return refuse(source->cert_name, code, err);
	out->n = n;
	gnutls_x509_privkey_init(&out->key);
	code = gnutls_x509_privkey_import2(out->key, &key, GNUTLS_X509_FMT_PEM, NULL, 0);
	return code < 0 ? refuse(source->key_name, code, err) : 0;
}

static int check_pair(const struct pair *pair, const char *key_path, struct err *err)
{
	unsigned char of_cert[64], of_key[64];
	size_t n_cert = sizeof(of_cert), n_key = sizeof(of_key);

	if (gnutls_x509_crt_get_key_id(pair->chain[0], GNUTLS_KEYID_USE_SHA256, of_cert, &n_cert) <
		    0 ||
	    gnutls_x509_privkey_get_key_id(pair->key, GNUTLS_KEYID_USE_SHA256, of_key, &n_key) <
		    0 ||
	    n_cert != n_key || memcmp(of_cert, of_key, n_key) != 0)
		return err_set(err, ERR_INVALID, "'%s' is not the key of the certificate",
			       key_path);
	return 0;
}

static int take(const struct source *source, struct err *err)
{
	AUTO(pair_done) struct pair fresh = { 0 };

	if (read_pair(source, &fresh, err) == -1 || check_pair(&fresh, source->key_name, err) == -1)
		return -1;
	pthread_mutex_lock(&current.lock);
	struct pair old = current.pair;
	current.pair = fresh;
	pthread_mutex_unlock(&current.lock);
	fresh = old;
	return 0;
}

int serving_cert_load(const char *cert_path, const char *key_path, struct err *err)
{
	AUTO(buf_done) struct buf cert = buf_init(PEM_MAX);
	AUTO(buf_done) struct buf key = buf_init_secret(PEM_MAX);

	if (io_read_file(cert_path, &cert, err) == -1 || io_read_file(key_path, &key, err) == -1)
		return -1;
	const struct source source = { buf_slice(&cert), buf_slice(&key), cert_path, key_path };
	return take(&source, err);
}

int serving_cert_take(struct slice cert_pem, struct slice key_pem, const char *name,
		      struct err *err)
{
	const struct source source = { cert_pem, key_pem, name, name };

	return take(&source, err);
}

struct serving_cert_life serving_cert_life(void)
{
	struct serving_cert_life life = { 0 };

	pthread_mutex_lock(&current.lock);
	if (current.pair.n > 0) {
		gnutls_x509_crt_t leaf = current.pair.chain[0];

		life.begins_s = (int64_t)gnutls_x509_crt_get_activation_time(leaf);
		life.expires_s = (int64_t)gnutls_x509_crt_get_expiration_time(leaf);
	}
	pthread_mutex_unlock(&current.lock);
	return life;
}

bool serving_cert_is_late(const struct serving_cert_life *life, int64_t now_s)
{
	int64_t quarter = (life->expires_s - life->begins_s) / 4;

	return life->expires_s != 0 &&
	       life->expires_s - now_s < (quarter < LATE_S ? quarter : LATE_S);
}

/* Copies for one handshake, which the library frees with it. So no handshake, however slow, holds
 * on to a pair that a reload has freed. */
static int copy_pair(const struct pair *pair, gnutls_pcert_st *chain, gnutls_privkey_t *out_key)
{
	unsigned int n = 0;

	if (gnutls_privkey_init(out_key) < 0)
		return -1;
	if (gnutls_privkey_import_x509(*out_key, pair->key, GNUTLS_PRIVKEY_IMPORT_COPY) >= 0)
		while (n < pair->n && gnutls_pcert_import_x509(&chain[n], pair->chain[n], 0) >= 0)
			n++;
	if (n > 0 && n == pair->n)
		return 0;
	while (n > 0)
		gnutls_pcert_deinit(&chain[--n]);
	gnutls_privkey_deinit(*out_key);
	return -1;
}

/* NOLINTNEXTLINE(readability-function-size): the library's signature */
int serving_cert_retrieve(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
			  gnutls_pcert_st **certs, unsigned int *certs_length,
			  gnutls_ocsp_data_st **ocsp, unsigned int *ocsp_length,
			  gnutls_privkey_t *privkey, unsigned int *flags)
{
	(void)session;
	(void)info;
	gnutls_pcert_st *chain = gnutls_calloc(CHAIN_MAX, sizeof(*chain));
	if (chain == NULL)
		return -1;
	pthread_mutex_lock(&current.lock);
	unsigned int n = current.pair.n;
	int result = copy_pair(&current.pair, chain, privkey);
	pthread_mutex_unlock(&current.lock);
	if (result == -1) {
		gnutls_free(chain);
		return -1;
	}
	*certs = chain;
	*certs_length = n;
	*ocsp = NULL;
	*ocsp_length = 0;
	*flags = GNUTLS_CERT_RETR_DEINIT_ALL;
	return 0;
}

void serving_cert_done(void)
{
	pthread_mutex_lock(&current.lock);
	pair_done(&current.pair);
	pthread_mutex_unlock(&current.lock);
}
