/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/tls_server.h"

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "lib/ossl.h"
#include "lib/rd.h"
#include "lib/tls_session.h"
#include "lib/tls_tickets.h"

/* The one protocol that is spoken. */
#define HTTP1 "http/1.1"

struct tls_server {
	struct tls_server_options options;
	SSL_CTX *context;
	struct tls_tickets tickets;
};

static int choose_certificate(SSL *ssl, void *context)
{
	const struct tls_server *server = context;
	struct tls_session *session = SSL_get_app_data(ssl);
	X509 *certificate = server->options.certificate(server->options.context, session->host,
							&session->refusal);

	if (certificate == NULL)
		return 0;
	return SSL_use_cert_and_key(ssl, certificate, server->options.key, NULL, 1);
}

/* Called for each ClientHello, a second one included, that could name another host than the first. */
static int check_name(SSL *ssl, int *alert, void *context)
{
	struct tls_session *session = SSL_get_app_data(ssl);
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	(void)context;
	if (name == NULL || strcasecmp(name, session->host) == 0)
		return SSL_TLSEXT_ERR_OK;
	err_set(&session->refusal, ERR_DENIED,
		"the client asks for '%.255s' (SNI) on a connection to '%s'", name, session->host);
	*alert = SSL_AD_UNRECOGNIZED_NAME;
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_n,
			   const unsigned char *offered, unsigned int offered_n, void *context)
{
	struct tls_session *session = SSL_get_app_data(ssl);
	struct rd list = rd_init((struct slice){ offered, offered_n });

	(void)context;
	while (list.left.n > 0) {
		struct slice name = rd_take(&list, rd_u8(&list));

		if (!slice_is(name, HTTP1))
			continue;
		*out = name.p;
		*out_n = (unsigned char)name.n;
		return SSL_TLSEXT_ERR_OK;
	}
	err_set(&session->refusal, ERR_INVALID, "the client of '%s' offers no HTTP/1.1",
		session->host);
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int use_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
		      EVP_MAC_CTX *mac, int make)
{
	struct tls_server *server = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	return tls_tickets_use(&server->tickets, &(struct tls_ticket_use){ name, iv, cipher, mac },
			       make, SSL_version(ssl) >= TLS1_3_VERSION);
}

static int set_up(struct tls_server *server, struct err *err)
{
	SSL_CTX *context = tls_context_new(TLS_server_method(), err);

	server->context = context;
	if (context == NULL)
		return -1;
	SSL_CTX_set_cert_cb(context, choose_certificate, server);
	SSL_CTX_set_tlsext_servername_callback(context, check_name);
	SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
	/* A leaf is all that is sent: clients have the authority, and looking for more takes time. */
	SSL_CTX_set_mode(context, SSL_MODE_NO_AUTO_CHAIN);
	/* Sessions are kept by the clients alone, so their number costs us nothing. */
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_timeout(context, TLS_TICKETS_PERIOD_S);
	if (SSL_CTX_set_app_data(context, server) != 1 ||
	    SSL_CTX_set_tlsext_ticket_key_evp_cb(context, use_ticket) != 1 ||
	    SSL_CTX_set_num_tickets(context, 1) != 1)
		return ossl_fail(err, ERR_SYS, "set up session tickets");
	return 0;
}

static void auto_server(struct tls_server **slot)
{
	tls_server_free(*slot);
}

int tls_server_new(const struct tls_server_options *options, struct tls_server **out,
		   struct err *err)
{
	AUTO(auto_server) struct tls_server *server = mem_calloc(1, sizeof(*server));

	server->options = *options;
	EVP_PKEY_up_ref(options->key);
	if (set_up(server, err) == -1)
		return -1;
	*out = STEAL(server);
	return 0;
}

void tls_server_free(struct tls_server *server)
{
	if (server == NULL)
		return;
	SSL_CTX_free(server->context);
	EVP_PKEY_free(server->options.key);
	tls_tickets_done(&server->tickets);
	free(server);
}

/* A ticket is good for the host that it was made for: OpenSSL compares this with what is in it. */
static int bind_tickets(struct tls_session *session, struct err *err)
{
	unsigned char id[EVP_MAX_MD_SIZE];
	unsigned int n;

	if (EVP_Digest(session->host, strlen(session->host), id, &n, EVP_sha256(), NULL) != 1 ||
	    SSL_set_session_id_context(session->ssl, id, n) != 1)
		return ossl_fail(err, ERR_SYS, "bind session tickets to a host");
	return 0;
}

int tls_server_session(struct tls_server *server, const char *host, int fd, int64_t now_s,
		       struct tls_session **out, struct err *err)
{
	AUTO(auto_tls_session) struct tls_session *session = NULL;

	if (tls_tickets_rotate(&server->tickets, now_s, err) == -1 ||
	    tls_session_new(server->context, host, fd, &session, err) == -1 ||
	    bind_tickets(session, err) == -1)
		return -1;
	SSL_set_accept_state(session->ssl);
	*out = STEAL(session);
	return 0;
}
