/* SPDX-License-Identifier: Apache-2.0 */
/* play_tls: TLS as peers of a play speak it, over bytes in memory. It uses OpenSSL plainly and shares no code with
 * the worker's but what makes certificates. */
#ifndef TESTS_SUPPORT_PLAY_TLS_H
#define TESTS_SUPPORT_PLAY_TLS_H

#include <stdbool.h>

#include "agent/proxy/intercept.h"
#include "lib/buf.h"
#include "lib/tls_client.h"

/* What a worker needs to stand between such peers: it trusts their authority. The caller frees both. */
void play_tls_worker(struct intercept **out_intercept, struct tls_client **out_client);

struct play_tls;

/* A server for "rest.test", or a client that asks for that name and trusts anybody. */
struct play_tls *play_tls_new(bool is_server);
void play_tls_free(struct play_tls *tls); /* accepts NULL */

/* What came from the other side; adds what it said to `out`, if it said something. */
void play_tls_hear(struct play_tls *tls, struct slice bytes, struct buf *out);

/* Before the handshake is over it is lost. */
void play_tls_say(struct play_tls *tls, struct slice bytes);

/* What goes to the other side by now; it is taken out. Borrows until the next call. */
struct slice play_tls_wire(struct play_tls *tls);

#endif
