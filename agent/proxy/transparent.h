/* SPDX-License-Identifier: Apache-2.0 */
/* transparent: connections of programs that know of no proxy. The packet filter brought them here, so where
 * they were going is what the client asks for: like a CONNECT that nobody wrote, and that is not answered. */
#ifndef AGENT_PROXY_TRANSPARENT_H
#define AGENT_PROXY_TRANSPARENT_H

#include "agent/proxy/conn.h"

/* The connection was accepted: its first step is to be decided on. */
void transparent_begin(struct conn *conn);

/* Whether the address that the client connected to says what it wants; else refuses. */
bool transparent_read_site(struct gate_answer *out);

/* True where it is not known yet what the client speaks, so that an answer of ours may be noise to it. */
bool transparent_is_raw(const struct conn *conn);

/* The client is refused, and client.out says so as HTTP. Where that is what it speaks, it gets that; where it
 * speaks TLS, an alert; else its connection is reset. */
enum step step_turn_down(struct conn *conn);

/* Resets the client's connection. */
enum step transparent_reset(struct conn *conn);

#endif
