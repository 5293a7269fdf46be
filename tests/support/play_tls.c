/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/play_tls.h"

#include <openssl/ssl.h>
#include <time.h>

#include "certs/key.h"
#include "certs/leaf.h"
#include "lib/cleanup.h"
#include "lib/mem.h"
#include "tests/support/play_peer.h"

enum { WIRE_MAX = 1 << 17, DAY_S = 86400 };

static const char host[] = "rest.test";

struct play_tls {
	SSL *ssl;
	BIO *in, *out; /* the session's */
	uint8_t wire[WIRE_MAX];
};

/* Made once a process: what is tried is not how certificates are made. */
static struct {
	struct ca ca;
	EVP_PKEY *key;
	X509 *leaf;
	SSL_CTX *servers, *clients;
} all;

static void make_all(void)
{
	const struct ca_options of_ca = { "Play", time(NULL), 30 * DAY_S };
	const struct leaf_options of_leaf = { host, of_ca.now_s, DAY_S };
	struct leaf_issuer *issuer = NULL;
	struct err err;

	play_must(ca_create(&of_ca, &all.ca, &err) == 0 && key_generate(&all.key, &err) == 0 &&
		  leaf_issuer_new(&all.ca, all.key, &issuer, &err) == 0 &&
		  leaf_issue(issuer, &of_leaf, &all.leaf, &err) == 0);
	leaf_issuer_free(issuer);
	OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	all.servers = SSL_CTX_new(TLS_server_method());
	all.clients = SSL_CTX_new(TLS_client_method());
	play_must(all.servers != NULL && all.clients != NULL &&
		  SSL_CTX_use_certificate(all.servers, all.leaf) == 1 &&
		  SSL_CTX_use_PrivateKey(all.servers, all.key) == 1);
}

void play_tls_worker(struct intercept **out_intercept, struct tls_client **out_client)
{
	AUTO(buf_done) struct buf pem = buf_init(CA_PEM_MAX);
	AUTO(ca_done) struct ca ca = { 0 };
	struct err err;

	if (all.leaf == NULL)
		make_all();
	play_must(intercept_new_ca(time(NULL), &ca, &err) == 0 &&
		  intercept_new(&ca, out_intercept, &err) == 0 &&
		  ca_write_pem(&all.ca, &pem, &err) == 0 &&
		  tls_client_new(buf_slice(&pem), out_client, &err) == 0);
}

struct play_tls *play_tls_new(bool is_server)
{
	struct play_tls *tls = mem_calloc(1, sizeof(*tls));

	tls->ssl = SSL_new(is_server ? all.servers : all.clients);
	tls->in = BIO_new(BIO_s_mem());
	tls->out = BIO_new(BIO_s_mem());
	play_must(tls->ssl != NULL && tls->in != NULL && tls->out != NULL);
	/* Nothing to read is no end. */
	BIO_set_mem_eof_return(tls->in, -1);
	SSL_set_bio(tls->ssl, tls->in, tls->out);
	if (is_server) {
		SSL_set_accept_state(tls->ssl);
		return tls;
	}
	SSL_set_connect_state(tls->ssl);
	play_must(SSL_set_tlsext_host_name(tls->ssl, host) == 1);
	SSL_do_handshake(tls->ssl);
	return tls;
}

void play_tls_free(struct play_tls *tls)
{
	if (tls == NULL)
		return;
	SSL_free(tls->ssl);
	free(tls);
}

void play_tls_hear(struct play_tls *tls, struct slice bytes, struct buf *out)
{
	char said[4096];
	int n;

	play_must(BIO_write(tls->in, bytes.p, (int)bytes.n) == (int)bytes.n);
	while ((n = SSL_read(tls->ssl, said, sizeof(said))) > 0)
		buf_put(out, said, (size_t)n);
}

void play_tls_say(struct play_tls *tls, struct slice bytes)
{
	SSL_write(tls->ssl, bytes.p, (int)bytes.n);
}

struct slice play_tls_wire(struct play_tls *tls)
{
	int n = BIO_read(tls->out, tls->wire, sizeof(tls->wire));

	return (struct slice){ tls->wire, n > 0 ? (size_t)n : 0 };
}
