/* SPDX-License-Identifier: Apache-2.0 */
/* conn_policy: a connection under a new policy. */
#ifndef AGENT_PROXY_CONN_POLICY_H
#define AGENT_PROXY_CONN_POLICY_H

#include "agent/proxy/conn.h"

/* Asks the proxy's policy again for all that was decided on this connection, so that nothing borrows from
 * the one before. What is still allowed goes on untouched; else the connection is told so, where it can
 * be, and closed. */
void conn_decide_again(struct conn *conn);

#endif
