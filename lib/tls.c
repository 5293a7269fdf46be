/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/hostname.h"
#include "lib/mem.h"
#include "lib/ossl.h"
#include "lib/tls_session.h"
#include "lib/tls_why.h"

/* Forward secrecy and AEAD only, as TLS 1.3 has it. With 128 bits first: SHA-256 then does for the rest. */
#define CIPHERS_TLS12 "ECDHE+AES128+AESGCM:ECDHE+AESGCM:ECDHE+CHACHA20"
#define CIPHERS_TLS13 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
/* X25519 costs both sides less than half of P-256. */
#define GROUPS "X25519:P-256:P-384"

SSL_CTX *tls_context_new(const SSL_METHOD *method, struct err *err)
{
	/* Before the first context, which would else read openssl.cnf; a second time is no harm. */
	OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	SSL_CTX *context = SSL_CTX_new(method);

	if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_cipher_list(context, CIPHERS_TLS12) != 1 ||
	    SSL_CTX_set_ciphersuites(context, CIPHERS_TLS13) != 1 ||
	    SSL_CTX_set1_groups_list(context, GROUPS) != 1) {
		SSL_CTX_free(context);
		ossl_fail(err, ERR_SYS, "set up TLS");
		return NULL;
	}
	SSL_CTX_set_security_level(context, 2);
	SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
					     SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
					  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					  SSL_MODE_RELEASE_BUFFERS);
	/* One read(2) a record instead of two: its header and the rest. */
	SSL_CTX_set_read_ahead(context, 1);
	return context;
}

bool tls_is_address(const char *host)
{
	unsigned char bytes[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static char *lower_case(const char *text)
{
	char *copy = mem_strdup(text);

	for (char *c = copy; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c | 0x20);
	return copy;
}

/* OpenSSL's call after each operation on the socket, with what it gives. */
/* NOLINTNEXTLINE(readability-function-size) */
static long note_read(BIO *socket, int operation, const char *data, size_t wanted, int argi,
		      long argl, int result, size_t *got)
{
	struct tls_session *session = (struct tls_session *)(void *)BIO_get_callback_arg(socket);

	(void)data, (void)argi, (void)argl;
	if (operation == (BIO_CB_READ | BIO_CB_RETURN))
		session->drained = result <= 0 || *got < wanted;
	return result;
}

int tls_session_new(SSL_CTX *context, const char *host, int fd, struct tls_session **out,
		    struct err *err)
{
	if (!tls_is_address(host) && !hostname_is_dns(slice_text(host)))
		return err_set(err, ERR_INVALID, "'%.300s' is not a host name or address", host);
	AUTO(auto_tls_session) struct tls_session *session = mem_calloc(1, sizeof(*session));

	session->host = lower_case(host);
	session->ssl = SSL_new(context);
	if (session->ssl == NULL || SSL_set_fd(session->ssl, fd) != 1 ||
	    SSL_set_app_data(session->ssl, session) != 1)
		return ossl_fail(err, ERR_SYS, "begin a TLS session");
	BIO_set_callback_ex(SSL_get_rbio(session->ssl), note_read);
	BIO_set_callback_arg(SSL_get_rbio(session->ssl), (char *)session);
	*out = STEAL(session);
	return 0;
}

void tls_session_free(struct tls_session *session)
{
	if (session == NULL)
		return;
	/* A connection that ends without close_notify may be resumed all the same. */
	if (session->state == TLS_STATE_OPEN)
		SSL_set_shutdown(session->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(session->ssl);
	BIO_free(session->socket);
	free(session->host);
	free(session->peer);
	free(session);
}

void auto_tls_session(struct tls_session **session)
{
	tls_session_free(*session);
}

void tls_session_put_back(struct tls_session *session, struct slice read_already)
{
	BIO *first = BIO_new(BIO_s_mem());

	if (first == NULL || read_already.n > INT_MAX ||
	    (read_already.n > 0 &&
	     BIO_write(first, read_already.p, (int)read_already.n) != (int)read_already.n))
		abort();
	session->socket = SSL_get_rbio(session->ssl);
	BIO_up_ref(session->socket);
	SSL_set0_rbio(session->ssl, first);
}

/* True once, when what was put back has been read and the socket's turn has come. */
static bool turn_to_socket(struct tls_session *session, int result)
{
	if (session->socket == NULL || SSL_get_error(session->ssl, result) != SSL_ERROR_WANT_READ)
		return false;
	SSL_set0_rbio(session->ssl, session->socket);
	session->socket = NULL;
	return true;
}

static int fail(struct tls_session *session, struct err *err)
{
	session->state = TLS_STATE_FAILED;
	if (session->refusal.code == ERR_NONE)
		return tls_why_protocol(session->client != NULL, session->host, err);
	ERR_clear_error();
	*err = session->refusal;
	return -1;
}

static int fail_system(struct tls_session *session, int saved_errno, struct err *err)
{
	session->state = TLS_STATE_FAILED;
	ERR_clear_error();
	/* An end that the library noticed itself leaves none. */
	errno = saved_errno != 0 ? saved_errno : ECONNRESET;
	return err_sys(err, "TLS connection with '%s'", session->host);
}

/* What `result` (<= 0) of an OpenSSL call with `session` means. */
static int answer(struct tls_session *session, int result, struct err *err)
{
	int saved_errno = errno;

	switch (SSL_get_error(session->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		return TLS_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return TLS_WANT_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_EOF;
	case SSL_ERROR_SYSCALL:
		return fail_system(session, saved_errno, err);
	default:
		break;
	}
	if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
		session->state = TLS_STATE_FAILED;
		ERR_clear_error();
		return TLS_TRUNCATED;
	}
	return fail(session, err);
}

static int end_of_handshake(struct tls_session *session, struct err *err)
{
	session->state = TLS_STATE_FAILED;
	return err_set(
		err, ERR_INVALID,
		session->client != NULL
			? "the server of '%s' closed the connection during the TLS handshake"
			: "the client of '%s' closed the connection during the TLS handshake: "
			  "it may not trust our certificate",
		session->host);
}

int tls_handshake(struct tls_session *session, struct err *err)
{
	int result;

	if (session->state != TLS_STATE_HANDSHAKE)
		return session->state == TLS_STATE_OPEN
			       ? 0
			       : err_set(err, ERR_BUG, "the TLS session has failed before");
	do {
		ERR_clear_error();
		errno = 0;
		result = SSL_do_handshake(session->ssl);
	} while (result <= 0 && turn_to_socket(session, result));
	if (result == 1) {
		session->state = TLS_STATE_OPEN;
		return 0;
	}
	int what = answer(session, result, err);

	if (what == TLS_EOF || what == TLS_TRUNCATED)
		what = end_of_handshake(session, err);
	if (what == TLS_ERROR && session->client != NULL)
		tls_client_forget(session->client, session->peer);
	return what;
}

ssize_t tls_read(struct tls_session *session, void *out, size_t n, struct err *err)
{
	int want = n < INT_MAX ? (int)n : INT_MAX, result;

	if (session->state != TLS_STATE_OPEN)
		return err_set(err, ERR_BUG, "read from a TLS session that is not open");
	do {
		ERR_clear_error();
		errno = 0;
		result = SSL_read(session->ssl, out, want);
	} while (result <= 0 && turn_to_socket(session, result));
	if (result > 0)
		return result;
	/* A ticket that came takes a write buffer, which the library keeps until the next write. Nothing
	 * happens where bytes are left in either buffer. */
	SSL_free_buffers(session->ssl);
	return answer(session, result, err);
}

ssize_t tls_write(struct tls_session *session, struct slice data, struct err *err)
{
	int want = data.n < INT_MAX ? (int)data.n : INT_MAX;

	if (session->state != TLS_STATE_OPEN)
		return err_set(err, ERR_BUG, "write to a TLS session that is not open");
	ERR_clear_error();
	errno = 0;
	int result = SSL_write(session->ssl, data.p, want);

	return result > 0 ? result : answer(session, result, err);
}

int tls_shutdown(struct tls_session *session, struct err *err)
{
	if (session->state != TLS_STATE_OPEN)
		return err_set(err, ERR_BUG, "shut down a TLS session that is not open");
	ERR_clear_error();
	errno = 0;
	int result = SSL_shutdown(session->ssl);

	/* 0: ours is out, the peer's has not come, which is for tls_read() to see. */
	if (result >= 0)
		return 0;
	return answer(session, result, err);
}

bool tls_has_pending(const struct tls_session *session)
{
	return SSL_has_pending(session->ssl) == 1 ||
	       (session->socket != NULL && BIO_ctrl_pending(SSL_get_rbio(session->ssl)) > 0);
}

bool tls_is_drained(const struct tls_session *session)
{
	return session->drained && !tls_has_pending(session);
}

bool tls_is_resumed(const struct tls_session *session)
{
	return SSL_session_reused(session->ssl) == 1;
}

const char *tls_version(const struct tls_session *session)
{
	return SSL_get_version(session->ssl);
}
