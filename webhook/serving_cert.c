/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/serving_cert.h"

#include <gnutls/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/io.h"
#include "lib/mem.h"
#include "webhook/conns.h"

enum {
	CHAIN_MAX = 8,
	PEM_MAX = 256 * 1024,
	LATE_S = 14 * 86400,
	/* Connections whose handshake has not ended by then are shut down; some seconds more, for their threads to see it. */
	HANDSHAKE_MAX_MS = CONNS_FIRST_MS + 20 * 1000,
};

/* As it was read. */
struct pair {
	gnutls_x509_crt_t chain[CHAIN_MAX];
	unsigned int n;
	gnutls_x509_privkey_t key;
};

/* As handshakes take it; all of them share it, as a copy would stay with its connection until that ends. */
struct served {
	gnutls_pcert_st chain[CHAIN_MAX];
	unsigned int n;
	gnutls_privkey_t key;
	struct serving_cert_life life;
	int64_t retired_ms; /* when another took its place */
	struct served *older; /* that one's place it had taken */
};

/* The library's callback carries no pointer of ours, so there is one per process. A handshake may still hold one
 * of `retired`. */
static struct {
	pthread_mutex_t lock;
	struct served *served, *retired;
} current = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void pair_done(struct pair *pair)
{
	for (unsigned int i = 0; i < pair->n; i++)
		gnutls_x509_crt_deinit(pair->chain[i]);
	if (pair->key != NULL)
		gnutls_x509_privkey_deinit(pair->key);
	*pair = (struct pair){ 0 };
}

static void served_free(struct served *served)
{
	if (served == NULL)
		return;
	for (unsigned int i = 0; i < served->n; i++)
		gnutls_pcert_deinit(&served->chain[i]);
	if (served->key != NULL)
		gnutls_privkey_deinit(served->key);
	free(served);
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

static int share_pair(const struct pair *pair, const char *name, struct served **out,
		      struct err *err)
{
	struct served *served = mem_calloc(1, sizeof(*served));

	int code = gnutls_privkey_init(&served->key);
	if (code >= 0)
		code = gnutls_privkey_import_x509(served->key, pair->key,
						  GNUTLS_PRIVKEY_IMPORT_COPY);
	while (code >= 0 && served->n < pair->n) {
		code = gnutls_pcert_import_x509(&served->chain[served->n], pair->chain[served->n],
						0);
		served->n += code >= 0;
	}
	if (code < 0) {
		served_free(served);
		return refuse(name, code, err);
	}
	served->life.begins_s = (int64_t)gnutls_x509_crt_get_activation_time(pair->chain[0]);
	served->life.expires_s = (int64_t)gnutls_x509_crt_get_expiration_time(pair->chain[0]);
	*out = served;
	return 0;
}

/* Those of the chain that no handshake holds any more; the chain is the youngest first. */
static void free_old(struct served **chain, int64_t now_ms)
{
	while (*chain != NULL && now_ms - (*chain)->retired_ms < HANDSHAKE_MAX_MS)
		chain = &(*chain)->older;
	for (struct served *old = *chain, *older; old != NULL; old = older) {
		older = old->older;
		served_free(old);
	}
	*chain = NULL;
}

static void serve(struct served *fresh)
{
	pthread_mutex_lock(&current.lock);
	if (current.served != NULL) {
		current.served->retired_ms = clock_ms(CLOCK_MONOTONIC);
		current.served->older = current.retired;
		current.retired = current.served;
	}
	current.served = fresh;
	pthread_mutex_unlock(&current.lock);
}

static int take(const struct source *source, struct err *err)
{
	AUTO(pair_done) struct pair pair = { 0 };
	struct served *fresh = NULL;

	if (read_pair(source, &pair, err) == -1 || check_pair(&pair, source->key_name, err) == -1 ||
	    share_pair(&pair, source->cert_name, &fresh, err) == -1)
		return -1;
	serve(fresh);
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
	if (current.served != NULL)
		life = current.served->life;
	pthread_mutex_unlock(&current.lock);
	return life;
}

bool serving_cert_is_late(const struct serving_cert_life *life, int64_t now_s)
{
	int64_t quarter = (life->expires_s - life->begins_s) / 4;

	return life->expires_s != 0 &&
	       life->expires_s - now_s < (quarter < LATE_S ? quarter : LATE_S);
}

/* NOLINTNEXTLINE(readability-function-size): the library's signature */
int serving_cert_retrieve(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
			  gnutls_pcert_st **certs, unsigned int *certs_length,
			  gnutls_ocsp_data_st **ocsp, unsigned int *ocsp_length,
			  gnutls_privkey_t *privkey, unsigned int *flags)
{
	(void)session;
	(void)info;
	pthread_mutex_lock(&current.lock);
	struct served *served = current.served;
	pthread_mutex_unlock(&current.lock);
	if (served == NULL)
		return -1;
	*certs = served->chain;
	*certs_length = served->n;
	*ocsp = NULL;
	*ocsp_length = 0;
	*privkey = served->key;
	*flags = 0;
	return 0;
}

void serving_cert_sweep(int64_t now_ms)
{
	pthread_mutex_lock(&current.lock);
	free_old(&current.retired, now_ms);
	pthread_mutex_unlock(&current.lock);
}

void serving_cert_done(void)
{
	serve(NULL);
	serving_cert_sweep(INT64_MAX);
}
