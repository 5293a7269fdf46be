/* SPDX-License-Identifier: Apache-2.0 */
/* tls: one TLS 1.2 or 1.3 session over a non-blocking stream socket, by OpenSSL. What sessions share is made
 * by lib/tls_client.h and lib/tls_server.h; this is what their owner does with one.
 *
 * Each call does what it can without blocking and says what it waits for. The program must ignore
 * SIGPIPE: a peer that is gone is an error here, not a signal. Nothing of the file system is read. */
#ifndef LIB_TLS_H
#define LIB_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/err.h"
#include "lib/rd.h"

struct tls_session;

/* What a call answers where it is not a count of bytes. */
enum tls_io {
	TLS_EOF = 0, /* read: the peer said that it is done (close_notify) */
	TLS_ERROR = -1, /* *err says why; the session is good for nothing but tls_session_free() */
	TLS_WANT_READ = -2, /* call again once the socket is readable */
	TLS_WANT_WRITE = -3, /* call again once the socket is writable */
	TLS_TRUNCATED =
		-4, /* read: the stream ended without close_notify, so bytes may be missing */
};

/* Errors: ERR_DENIED: the peer's certificate is not accepted, in words that tell what to change.
 * ERR_INVALID: the peer does not speak our TLS, or refuses what we speak. ERR_SYS: the connection. */

/* 0 once the session is up, else TLS_WANT_* or TLS_ERROR. tls_read() and tls_write() before that are
 * refused. The socket's end during the handshake is an error. */
int tls_handshake(struct tls_session *session, struct err *err);

/* At most `n` bytes (n > 0) into `out`: their number, or TLS_EOF, TLS_TRUNCATED, TLS_WANT_*, TLS_ERROR. */
ssize_t tls_read(struct tls_session *session, void *out, size_t n, struct err *err);

/* At most `data.n` bytes (> 0), one record at a time: their number, or TLS_WANT_*, TLS_ERROR. After
 * TLS_WANT_* the next call must bring the same bytes again, at any address. */
ssize_t tls_write(struct tls_session *session, struct slice data, struct err *err);

/* Sends close_notify: 0 once it is out, else TLS_WANT_WRITE or TLS_ERROR. Reading may go on. */
int tls_shutdown(struct tls_session *session, struct err *err);

/* True where tls_read() may have bytes although the socket is not readable. Who stops reading before
 * TLS_WANT_READ asks this before waiting for the socket again. */
bool tls_has_pending(const struct tls_session *session);

/* Nothing is pending, and the socket had no more when it was read last: reading again would only wait,
 * unless the peer's end has come. */
bool tls_is_drained(const struct tls_session *session);

/* Bytes that were taken from the socket before the session was made (a hello that was sniffed after a
 * proxy request's head): they are read first. Copied. Once, before the first tls_handshake(). What was
 * only looked at (MSG_PEEK) is still in the socket and must not be given. */
void tls_session_put_back(struct tls_session *session, struct slice read_already);

/* After the handshake: whether the peers knew each other, and the version ("TLSv1.3"). */
bool tls_is_resumed(const struct tls_session *session);
const char *tls_version(const struct tls_session *session);

/* Frees the session, not its socket. Accepts NULL. auto_tls_session() is for AUTO(). */
void tls_session_free(struct tls_session *session);
void auto_tls_session(struct tls_session **session);

#endif
