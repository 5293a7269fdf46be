/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/tls_client.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/lru.h"
#include "lib/mem.h"
#include "lib/ossl.h"
#include "lib/tls_roots.h"
#include "lib/tls_session.h"
#include "lib/tls_why.h"

enum {
	/* A TLS 1.3 ticket is used once (RFC 8446 C.4), so connections that are opened side by side need one each. */
	TICKETS_PER_PEER = 4,
	/* A resumed session rests on a verification that was made at most so long ago. */
	RESUME_MAX_S = 2 * 3600,
	/* Chains of the public web have up to 4. */
	CHAIN_MAX = 8,
};

struct tls_client {
	SSL_CTX *context;
	struct tls_roots *roots;
	struct lru peers; /* of struct tickets, by "host port" */
};

struct tickets {
	SSL_SESSION *items[TICKETS_PER_PEER]; /* the newest last */
	size_t n;
};

static void release_tickets(void *value)
{
	struct tickets *tickets = value;

	for (size_t i = 0; i < tickets->n; i++)
		SSL_SESSION_free(tickets->items[i]);
	free(tickets);
}

static void add_ticket(struct tickets *tickets, SSL_SESSION *ticket)
{
	if (tickets->n == TICKETS_PER_PEER) {
		SSL_SESSION_free(tickets->items[0]);
		for (size_t i = 1; i < tickets->n; i++)
			tickets->items[i - 1] = tickets->items[i];
		tickets->n--;
	}
	tickets->items[tickets->n++] = ticket;
}

/* OpenSSL's call for each session that may be resumed; 1 takes the reference over. */
static int remember(SSL *ssl, SSL_SESSION *ticket)
{
	const struct tls_session *session = SSL_get_app_data(ssl);
	struct lru *peers = &session->client->peers;
	struct tickets *tickets = lru_get(peers, session->peer);

	if (tickets == NULL) {
		tickets = mem_calloc(1, sizeof(*tickets));
		lru_put(peers, session->peer, tickets);
	}
	add_ticket(tickets, ticket);
	return 1;
}

static bool is_fresh(const SSL_SESSION *ticket, int64_t now_s)
{
	int64_t age_s = now_s - SSL_SESSION_get_time(ticket);

	/* The caller's clock may lag behind the library's, or be set back. */
	return age_s > -RESUME_MAX_S && age_s < RESUME_MAX_S &&
	       SSL_SESSION_is_resumable(ticket) == 1;
}

/* Owned by the caller; NULL if there is none. */
static SSL_SESSION *take_ticket(struct lru *peers, const char *peer, int64_t now_s)
{
	struct tickets *tickets = lru_get(peers, peer);

	while (tickets != NULL && tickets->n > 0) {
		SSL_SESSION *ticket = tickets->items[--tickets->n];

		if (!is_fresh(ticket, now_s)) {
			SSL_SESSION_free(ticket);
			continue;
		}
		/* Of earlier versions a session may be resumed again and again, and no new one comes. */
		if (SSL_SESSION_get_protocol_version(ticket) < TLS1_3_VERSION &&
		    SSL_SESSION_up_ref(ticket) == 1)
			tickets->n++;
		return ticket;
	}
	return NULL;
}

void tls_client_forget(struct tls_client *client, const char *peer)
{
	lru_remove(&client->peers, peer);
}

static int verified(int ok, X509_STORE_CTX *verify)
{
	const SSL *ssl = X509_STORE_CTX_get_ex_data(verify, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_session *session = SSL_get_app_data(ssl);

	if (ok != 1)
		tls_why_certificate(verify, session->host, &session->refusal);
	return ok;
}

static int set_up(struct tls_client *client, struct slice roots_pem, struct err *err)
{
	static const unsigned char protocols[] = "\x08http/1.1";

	if (tls_roots_new(roots_pem, &client->roots, err) == -1)
		return -1;
	client->context = tls_context_new(TLS_client_method(), err);
	if (client->context == NULL ||
	    tls_roots_attach(client->roots, SSL_CTX_get_cert_store(client->context), err) == -1)
		return -1;
	if (SSL_CTX_set_alpn_protos(client->context, protocols, sizeof(protocols) - 1) != 0)
		return ossl_fail(err, ERR_SYS, "offer HTTP/1.1");
	SSL_CTX_set_verify(client->context, SSL_VERIFY_PEER, verified);
	SSL_CTX_set_verify_depth(client->context, CHAIN_MAX);
	/* Whatever is in the bundle is trusted, be it an intermediate authority: as curl and Go have it. */
	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(client->context), X509_V_FLAG_PARTIAL_CHAIN);
	SSL_CTX_set_session_cache_mode(client->context,
				       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(client->context, remember);
	return 0;
}

static void auto_client(struct tls_client **slot)
{
	tls_client_free(*slot);
}

int tls_client_new(struct slice roots_pem, struct tls_client **out, struct err *err)
{
	if (roots_pem.n > TLS_ROOTS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d bytes of roots", TLS_ROOTS_MAX);
	AUTO(auto_client) struct tls_client *client = mem_calloc(1, sizeof(*client));

	client->peers = lru_init(TLS_CLIENT_PEERS_MAX, release_tickets);
	if (set_up(client, roots_pem, err) == -1)
		return -1;
	*out = STEAL(client);
	return 0;
}

void tls_client_free(struct tls_client *client)
{
	if (client == NULL)
		return;
	lru_done(&client->peers);
	SSL_CTX_free(client->context);
	tls_roots_free(client->roots);
	free(client);
}

/* The peer proves that it is `session->host`, by name or by address, and is told which name we mean. */
static int expect_host(struct tls_session *session, struct err *err)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(session->ssl);

	if (tls_is_address(session->host))
		return X509_VERIFY_PARAM_set1_ip_asc(param, session->host) == 1
			       ? 0
			       : ossl_fail(err, ERR_SYS, "expect an address");
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
						       X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	if (X509_VERIFY_PARAM_set1_host(param, session->host, 0) != 1 ||
	    SSL_set_tlsext_host_name(session->ssl, session->host) != 1)
		return ossl_fail(err, ERR_SYS, "expect a host");
	return 0;
}

int tls_client_session(struct tls_client *client, const struct tls_target *target, int fd,
		       int64_t now_s, struct tls_session **out, struct err *err)
{
	AUTO(auto_tls_session) struct tls_session *session = NULL;

	if (tls_session_new(client->context, target->host, fd, &session, err) == -1 ||
	    expect_host(session, err) == -1)
		return -1;
	session->client = client;
	session->peer = mem_printf("%s %u", session->host, target->port);
	SSL_set_connect_state(session->ssl);
	SSL_SESSION *ticket = take_ticket(&client->peers, session->peer, now_s);

	if (ticket != NULL)
		SSL_set_session(session->ssl, ticket);
	SSL_SESSION_free(ticket);
	*out = STEAL(session);
	return 0;
}

size_t tls_client_remembered(const struct tls_client *client)
{
	return client->peers.n;
}
