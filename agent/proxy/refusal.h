/* SPDX-License-Identifier: Apache-2.0 */
/* refusal: an answer of the proxy itself: what was refused, why, and what to change, as HTTP and JSON. */
#ifndef AGENT_PROXY_REFUSAL_H
#define AGENT_PROXY_REFUSAL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/rd.h"

enum {
	/* A body of ours: the longest path of a program twice, each byte escaped, and the rest. */
	REFUSAL_BODY_MAX = 131072,
	REFUSAL_HEAD_MAX = 2048,
};

enum refusal_code {
	REFUSAL_BAD_REQUEST = 0,
	REFUSAL_NOT_A_PROXY_REQUEST, /* a client that speaks to the proxy as to a server */
	REFUSAL_SCHEME, /* absolute form with another scheme than http */
	REFUSAL_AUTHORITY, /* Host and target, or Host and tunnel, disagree */
	REFUSAL_POLICY,
	REFUSAL_DESTINATION, /* the addresses may not be dialled */
	REFUSAL_PROTOCOL, /* inspected, but neither TLS nor HTTP/1 */
	REFUSAL_METHOD, /* CONNECT inside a tunnel */
	REFUSAL_CREDENTIALS, /* the client does not name those of this proxy */
	REFUSAL_UPGRADE, /* to another protocol than WebSocket */
	/* From here on: nothing was refused, something failed. */
	REFUSAL_NO_NAME, /* the host has no address */
	REFUSAL_UNREACHABLE,
	REFUSAL_UPSTREAM_PROXY, /* it is not there, or does not want */
	REFUSAL_UPSTREAM, /* the server's answer is malformed, or it hung up */
	REFUSAL_UPSTREAM_TLS,
	REFUSAL_TIMEOUT,
	REFUSAL_CLIENT, /* left before it was answered */
	REFUSAL_CLIENT_TIMEOUT,
	REFUSAL_FULL,
	REFUSAL_TLS_UNAVAILABLE,
	REFUSAL_CODES,
};

/* The word in the body's `error`: "policy_denied". */
const char *refusal_error(enum refusal_code code);
int refusal_status(enum refusal_code code);

/* Something did not work, rather than that it was not allowed. */
bool refusal_is_failure(enum refusal_code code);

/* Borrows all. Texts may be NULL where they are not known. */
struct refusal {
	enum refusal_code code;
	int status; /* 0: that of the code */
	bool l7; /* a request was refused, not a connection */
	bool rule_missing; /* a rule would allow it */
	bool no_body; /* the answer to HEAD */
	const char *detail; /* one sentence */
	const char *policy, *binary;
	struct slice method, path, host; /* path without its query */
	uint16_t port;
};

/* Appends the whole answer: head and body. The connection is to be closed after it. */
void refusal_write(const struct refusal *refusal, struct buf *out);

#endif
