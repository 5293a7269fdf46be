/* SPDX-License-Identifier: Apache-2.0 */
/* exchange: one request of the client and its answer, from the parsed head to the last byte. What is sent
 * on either way is written from what was parsed, and only the bytes of this message are taken, so what
 * the destination sees is what the gate saw. */
#ifndef AGENT_PROXY_EXCHANGE_H
#define AGENT_PROXY_EXCHANGE_H

#include "agent/proxy/conn.h"
#include "lib/http1_body.h"
#include "lib/http1_response.h"

/* The request's way to the destination. */
enum exchange_up {
	UP_BODY = 0, /* the head is on its way, the body follows */
	UP_DONE,
	UP_REFUSED, /* the destination takes no more; it may still answer */
};

/* The response's way to the client. */
enum exchange_down {
	DOWN_HEAD = 0, /* a head is awaited */
	DOWN_BODY,
	DOWN_DONE,
};

struct exchange {
	struct http1_request http; /* borrows from client.in; valid until exchange_start() */
	struct gate_answer answer;
	char method[HTTP1_METHOD_MAX + 1];
	char *query; /* owned; NULL for none. The policy may be asked again. */
	bool is_connect;
	int64_t started_ms;

	/* From exchange_prepare() on. */
	enum http1_asked asked;
	bool keep_alive; /* the client may ask again */
	bool http10; /* the client knows no chunks */
	bool repeatable; /* without effect on the server, and without a body */
	struct buf head; /* as it is sent; kept while it may have to be sent again */

	enum exchange_up up;
	struct http1_body up_body;
	enum exchange_down down;
	struct http1_body down_body;
	size_t interims; /* passed on or dropped before it */
	bool down_chunked; /* the client gets chunks */
	bool answered; /* bytes of a final response are on their way to the client */
	bool reused; /* went over a connection that had served others */
	bool upstream_lasts; /* its connection can serve another one */
	int status;
};

/* A request was parsed; `http` borrows from client.in, which must not be read into before
 * exchange_start(). */
void exchange_begin(struct conn *conn, const struct http1_request *http);

/* For the log, where the request is refused before it is decided on. */
void exchange_read_site(struct conn *conn);

/* It is allowed: writes the head that will be sent. */
void exchange_prepare(struct conn *conn);

/* True where it may be sent a second time. */
bool exchange_may_repeat(const struct exchange *exchange);

/* The connection to its destination is open. */
enum step exchange_start(struct conn *conn);

enum step step_exchange(struct conn *conn);
enum step exchange_timed_out(struct conn *conn);

/* The client has not asked again yet: its server's connection may serve others meanwhile. STEP_CLOSE: it was
 * waited for as long as may be. */
enum step exchange_rest(struct conn *conn);

/* Frees what is being served. Accepts none. */
void exchange_free(struct conn *conn);

#endif
