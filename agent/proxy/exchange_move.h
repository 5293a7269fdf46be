/* SPDX-License-Identifier: Apache-2.0 */
/* exchange_move: moves the bytes of an exchange: bodies through their framing, heads through their parser. */
#ifndef AGENT_PROXY_EXCHANGE_MOVE_H
#define AGENT_PROXY_EXCHANGE_MOVE_H

#include "agent/proxy/conn.h"

enum move_outcome {
	MOVE_WAIT = 0, /* nothing moves before the next event */
	MOVE_MORE,
	MOVE_DONE, /* down: the client has the whole response */
	MOVE_SWITCHED, /* down: the server goes on with another protocol, and the client is told */
	MOVE_REPEAT, /* down: the connection was dead, and the request may be sent again */
	MOVE_FAILED, /* `code` and `why` */
};

struct moved {
	enum move_outcome outcome;
	enum refusal_code code;
	const char *why;
};

struct moved exchange_move_up(struct conn *conn);
struct moved exchange_move_down(struct conn *conn);

#endif
