/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/lib/tls_pair.h"

#include <check.h>
#include <errno.h>
#include <openssl/err.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "certs/key.h"
#include "certs/leaf.h"
#include "lib/cleanup.h"

enum { DAY = 86400, TURNS_MAX = 100 };

static X509 *show_leaf(void *context, const char *host, struct err *err)
{
	const struct tls_pair *pair = context;

	if (pair->leaf == NULL)
		err_set(err, ERR_DENIED, "no certificate for '%s'", host);
	return pair->leaf;
}

void tls_pair_show(struct tls_pair *pair, const struct ca *ca, const char *host, int64_t from_s)
{
	struct leaf_options options = { host, from_s, DAY };
	struct leaf_issuer *issuer;
	struct err err = { 0 };

	X509_free(pair->leaf);
	ck_assert_int_eq(leaf_issuer_new(ca, pair->key, &issuer, &err), 0);
	ck_assert_msg(leaf_issue(issuer, &options, &pair->leaf, &err) == 0, "%s", err.msg);
	leaf_issuer_free(issuer);
}

void tls_pair_init(struct tls_pair *pair, const char *host)
{
	AUTO(buf_done) struct buf pem = buf_init(CA_PEM_MAX);
	struct err err = { 0 };

	signal(SIGPIPE, SIG_IGN);
	*pair = (struct tls_pair){ .now_s = time(NULL), .client_fd = -1, .server_fd = -1 };
	/* Long enough ago for leaves that have expired. */
	struct ca_options options = { "Test CA", pair->now_s - 30 * DAY, 60 * DAY };

	ck_assert_int_eq(ca_create(&options, &pair->ca, &err), 0);
	ck_assert_int_eq(key_generate(&pair->key, &err), 0);
	tls_pair_show(pair, &pair->ca, host, pair->now_s);
	struct tls_server_options server = { show_leaf, pair, pair->key };

	ck_assert_msg(tls_server_new(&server, &pair->server, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(ca_write_pem(&pair->ca, &pem, &err), 0);
	ck_assert_msg(tls_client_new(buf_slice(&pem), &pair->client, &err) == 0, "%s", err.msg);
}

static void drop_connection(struct tls_pair *pair)
{
	tls_session_free(STEAL(pair->near));
	tls_session_free(STEAL(pair->far));
	/* Else OpenSSL thinks the bare one's session cut off, and not to be resumed. */
	if (pair->bare != NULL)
		SSL_set_shutdown(pair->bare, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(STEAL(pair->bare));
	auto_close(&pair->client_fd);
	auto_close(&pair->server_fd);
	pair->client_fd = pair->server_fd = -1;
	pair->client_err = pair->server_err = (struct err){ 0 };
}

void tls_pair_done(struct tls_pair *pair)
{
	drop_connection(pair);
	tls_client_free(pair->client);
	tls_server_free(pair->server);
	X509_free(pair->leaf);
	EVP_PKEY_free(pair->key);
	ca_done(&pair->ca);
}

void tls_pair_sockets(struct tls_pair *pair)
{
	int fds[2];

	drop_connection(pair);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds),
			 0);
	pair->client_fd = fds[0];
	pair->server_fd = fds[1];
}

/* One turn of a handshake: 0 once up, 1 to go on, -1 failed. */
static int turn(struct tls_session *session, struct err *err)
{
	int result = tls_handshake(session, err);

	return result == TLS_WANT_READ || result == TLS_WANT_WRITE ? 1 : result;
}

static int turn_bare(SSL *ssl)
{
	int result = SSL_do_handshake(ssl);
	int why = SSL_get_error(ssl, result);

	if (result == 1)
		return 0;
	return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 1 : -1;
}

static bool shake_hands(struct tls_pair *pair)
{
	int near = 1, far = 1;

	for (int i = 0; i < TURNS_MAX && (near == 1 || far == 1); i++) {
		if (near == 1)
			near = pair->near != NULL ? turn(pair->near, &pair->client_err)
						  : turn_bare(pair->bare);
		if (far == 1)
			far = pair->far != NULL ? turn(pair->far, &pair->server_err)
						: turn_bare(pair->bare);
		/* As a program would: the other side sees the end. */
		if (near == -1)
			shutdown(pair->client_fd, SHUT_WR);
		if (far == -1)
			shutdown(pair->server_fd, SHUT_WR);
	}
	return near == 0 && far == 0;
}

static void begin_client(struct tls_pair *pair, const char *host, uint16_t port)
{
	struct tls_target target = { host, port };
	struct err err = { 0 };

	ck_assert_msg(tls_client_session(pair->client, &target, pair->client_fd, pair->now_s,
					 &pair->near, &err) == 0,
		      "%s", err.msg);
}

static void begin_server(struct tls_pair *pair, const char *host)
{
	struct err err = { 0 };

	ck_assert_msg(tls_server_session(pair->server, host, pair->server_fd, pair->now_s,
					 &pair->far, &err) == 0,
		      "%s", err.msg);
}

bool tls_pair_connect(struct tls_pair *pair, const char *host, uint16_t port)
{
	tls_pair_sockets(pair);
	begin_client(pair, host, port);
	begin_server(pair, host);
	return shake_hands(pair);
}

bool tls_pair_meet_client(struct tls_pair *pair, const char *host, SSL *peer)
{
	tls_pair_sockets(pair);
	begin_server(pair, host);
	pair->bare = peer;
	SSL_set_fd(peer, pair->client_fd);
	SSL_set_connect_state(peer);
	ERR_clear_error();
	return shake_hands(pair);
}

bool tls_pair_meet_server(struct tls_pair *pair, const char *host, SSL *peer)
{
	tls_pair_sockets(pair);
	begin_client(pair, host, 443);
	pair->bare = peer;
	SSL_set_fd(peer, pair->server_fd);
	SSL_set_accept_state(peer);
	ERR_clear_error();
	return shake_hands(pair);
}

void tls_pair_hang_up(struct tls_pair *pair)
{
	struct err err = { 0 };
	char byte;

	/* Tickets come with the first bytes behind the handshake. */
	ck_assert_int_eq(tls_write(pair->far, slice_text("x"), &err), 1);
	ck_assert_int_eq(tls_read(pair->near, &byte, 1, &err), 1);
	drop_connection(pair);
}

static SSL *bare(const SSL_METHOD *method, int version)
{
	SSL_CTX *context = SSL_CTX_new(method);

	SSL_CTX_set_security_level(context, 0);
	SSL_CTX_set_min_proto_version(context, version);
	SSL_CTX_set_max_proto_version(context, version);
	SSL *ssl = SSL_new(context);

	SSL_CTX_free(context);
	return ssl;
}

SSL *tls_pair_bare_client(int version)
{
	return bare(TLS_client_method(), version);
}

SSL *tls_pair_bare_server(struct tls_pair *pair, int version)
{
	SSL *ssl = bare(TLS_server_method(), version);

	ck_assert_int_eq(SSL_use_cert_and_key(ssl, pair->leaf, pair->key, NULL, 1), 1);
	return ssl;
}
