/* SPDX-License-Identifier: Apache-2.0 */
/* relay: bytes both ways through what is not looked into, a tunnel or a WebSocket, each way as fast as its
 * reader reads. */
#ifndef AGENT_PROXY_RELAY_H
#define AGENT_PROXY_RELAY_H

#include "agent/proxy/conn.h"

/* It is open on both ends. */
enum step relay_begin(struct conn *conn);

enum step step_relay(struct conn *conn);

enum step relay_timed_out(struct conn *conn);

#endif
