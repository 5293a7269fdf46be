/* SPDX-License-Identifier: Apache-2.0 */
/* relay_hold: what a client in a tunnel says first waits in `client.in` until relay_hello.h has judged it, and so
 * does what the server answers a ClientHello, in `upstream.in`, until it is known whether it asks for another. */
#ifndef AGENT_PROXY_RELAY_HOLD_H
#define AGENT_PROXY_RELAY_HOLD_H

#include "agent/proxy/conn.h"

/* As far as can be told now. STEP_CLOSE: refused, with its event. */
enum step relay_hold(struct conn *conn);

/* True where what `from` sends is not to be read by others. */
bool relay_holds(const struct conn *conn, const struct end *from);

/* Nothing is held any more. */
void relay_let_on(struct conn *conn);

/* True, and refused with its event, where the time that ran out was that of a hello. */
bool relay_hold_timed_out(struct conn *conn);

/* True while the deadline is that of a hello. */
bool relay_hold_has_deadline(const struct conn *conn);

#endif
