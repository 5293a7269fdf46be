/* SPDX-License-Identifier: Apache-2.0 */
/* conn_steps: the states of a connection, one function each. */
#ifndef AGENT_PROXY_CONN_STEPS_H
#define AGENT_PROXY_CONN_STEPS_H

#include "agent/proxy/conn.h"

/* Takes the step of the connection's state. */
enum step conn_step(struct conn *conn);

/* The deadline has passed. */
enum step conn_timed_out(struct conn *conn);

#endif
