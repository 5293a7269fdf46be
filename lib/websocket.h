/* SPDX-License-Identifier: Apache-2.0 */
/* websocket: the opening handshake of RFC 6455 as who stands between client and server must see it: both
 * have to mean it, or one of them goes on with HTTP while the other does not. Frames are not looked at. */
#ifndef LIB_WEBSOCKET_H
#define LIB_WEBSOCKET_H

#include "lib/err.h"
#include "lib/http1_request.h"
#include "lib/http1_response.h"

/* Sec-WebSocket-Accept with its NUL: a SHA-1 in base64. */
enum { WEBSOCKET_ACCEPT_SIZE = 29 };

/* A request that asks for it (http1_request_offer) is a handshake of version 13. Fills what the server
 * has to answer. ERR_INVALID says what is wrong with it. */
int websocket_read_request(const struct http1_request *request,
			   char out_accept[WEBSOCKET_ACCEPT_SIZE], struct err *err);

/* A response with status 101 accepts that handshake and nothing else. */
bool websocket_is_accepted(const struct http1_response *response,
			   const char accept[WEBSOCKET_ACCEPT_SIZE]);

#endif
