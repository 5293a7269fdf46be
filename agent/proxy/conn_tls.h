/* SPDX-License-Identifier: Apache-2.0 */
/* conn_tls: TLS on both ends of an inspected tunnel. The client gets a certificate of ours for the host that
 * its tunnel was allowed to; the server must have a good one for the same host. */
#ifndef AGENT_PROXY_CONN_TLS_H
#define AGENT_PROXY_CONN_TLS_H

#include "agent/proxy/conn.h"

/* True where the first bytes of a tunnel begin a TLS handshake. */
bool conn_tls_is_next(struct slice bytes);

/* Ends in CONN_READ_REQUEST. */
enum step conn_tls_accept(struct conn *conn);
enum step step_client_tls(struct conn *conn);

/* Ends with exchange_start(). */
enum step conn_tls_connect(struct conn *conn);
enum step step_upstream_tls(struct conn *conn);

#endif
