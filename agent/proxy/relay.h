/* SPDX-License-Identifier: Apache-2.0 */
/* relay: bytes both ways through a tunnel that is not looked into, each way as fast as its reader reads. */
#ifndef AGENT_PROXY_RELAY_H
#define AGENT_PROXY_RELAY_H

#include "agent/proxy/conn.h"

/* The tunnel is open on both ends. */
enum step relay_begin(struct conn *conn);

enum step step_relay(struct conn *conn);

#endif
