/* SPDX-License-Identifier: Apache-2.0 */
/* upstream_connect: asks the network's own proxy for a connection to what was validated, over the connection to
 * that proxy which has just been made. */
#ifndef AGENT_PROXY_UPSTREAM_CONNECT_H
#define AGENT_PROXY_UPSTREAM_CONNECT_H

#include "agent/proxy/conn.h"

/* Ends with upstream_connected() or upstream_next_address(). `address` NULL: by name. */
enum step upstream_connect_begin(struct conn *conn, const struct address *address);

enum step step_upstream_connect(struct conn *conn);

#endif
