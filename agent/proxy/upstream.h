/* SPDX-License-Identifier: Apache-2.0 */
/* upstream: the way to the destination of what is allowed: resolve, validate, dial what was validated. */
#ifndef AGENT_PROXY_UPSTREAM_H
#define AGENT_PROXY_UPSTREAM_H

#include "agent/proxy/conn.h"

/* A connection to where the exchange wants to go; ends in CONN_OPEN_TUNNEL, or with exchange_start(). */
enum step upstream_begin(struct conn *conn);

enum step step_resolve(struct conn *conn);
enum step step_dial(struct conn *conn);

/* Gives the address that is being dialled up. */
enum step upstream_next_address(struct conn *conn, const char *why);

/* True where the connection that is open, or one that waits, serves the exchange too. */
bool upstream_reuse(struct conn *conn);

/* Leaves the connection, if one is open, to the next that wants it. It has been of use, and nothing is
 * on its way. */
void upstream_leave(struct conn *conn);

/* Closes a connection that waits for its next request and has ended meanwhile. */
void upstream_check_idle(struct conn *conn);

/* What is reached, once it was dialled or asked for. */
enum step upstream_connected(struct conn *conn);

/* The address that is connected to, through another proxy or not; or the one being dialled and those that would
 * be next. How many: 0 where nothing was validated yet, or the connection is gone; 0 too where `*out_by_name`:
 * the other proxy resolves the name, so nothing is known here. */
size_t upstream_addresses(const struct conn *conn, struct address out[PROXY_ADDRESSES_MAX],
			  bool *out_by_name);

/* Stops what is under way. */
void upstream_cancel(struct conn *conn);

#endif
