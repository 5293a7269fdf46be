/* SPDX-License-Identifier: Apache-2.0 */
/* conn_reply: how a connection says no, and what it tells the log. */
#ifndef AGENT_PROXY_CONN_REPLY_H
#define AGENT_PROXY_CONN_REPLY_H

#include "agent/proxy/conn.h"

/* Answers the client as `answer` says, logs it, and gives the destination up. */
enum step conn_refuse(struct conn *conn, const struct gate_answer *answer);

/* The same for what went wrong with what is being served now, or with the connection itself. */
enum step conn_fail(struct conn *conn, enum refusal_code code, const char *detail);

/* The answer has begun, so it can only be cut off: the client sees that it is not whole. */
enum step conn_abort(struct conn *conn, const char *reason);

/* The event of what is served now, which is allowed. `reason` may be NULL. */
void conn_audit(struct conn *conn, enum audit_kind kind, enum audit_verdict verdict,
		const char *reason);

/* The event of a tunnel that is refused after it was allowed, and is to be closed. */
void conn_audit_refuse_tunnel(struct conn *conn, const char *reason);

/* The event of a tunnel's end; `reason` may be NULL. */
void conn_audit_close(struct conn *conn, const char *reason);

#endif
