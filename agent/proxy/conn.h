/* SPDX-License-Identifier: Apache-2.0 */
/* conn: one connection of the workload, with the one to the destination beside it, and the lifecycle of
 * both. conn_steps.c moves it; parsers see bytes, the gate sees requests, this sees neither.
 *
 * A step does what it can without blocking and says how to go on. Nothing but conn_run() calls steps, so
 * none is ever entered twice. */
#ifndef AGENT_PROXY_CONN_H
#define AGENT_PROXY_CONN_H

#include "agent/proxy/audit.h"
#include "agent/proxy/counters.h"
#include "agent/proxy/http_gate.h"
#include "agent/proxy/intercept.h"
#include "agent/proxy/limits.h"
#include "agent/proxy/pipes.h"
#include "agent/proxy/pool.h"
#include "agent/proxy/queue.h"
#include "agent/proxy/services.h"
#include "agent/proxy/stream.h"
#include "agent/proxy/synthetic.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/tls_client.h"

struct conn;
struct upstream_proxy;

/* One request and its response; see exchange.h. */
struct exchange;

/* What all connections of a worker share. */
struct proxy {
	struct loop *loop;
	struct policy *policy;
	const struct log *log;
	const struct services *services;
	struct proxy_limits limits;
	struct proxy_counters counters;
	struct intercept *intercept; /* NULL: TLS in inspected tunnels is refused */
	struct tls_client *tls_client;
	const struct upstream_proxy *upstream_proxy; /* NULL: destinations are dialled */
	const char *credentials; /* that clients have to name; NULL: none */
	bool draining; /* no new requests */
	struct pool pool;
	struct pipes pipes;
	struct exchange *spare_exchange; /* owned; see exchange.c */
	struct synthetic synthetic; /* what DNS told the workload */
	struct conn *first; /* of all */
	/* After what a connection took to be made is free: a tunnel's, or a waiting client's whose connection to its
	 * server went to the pool. */
	void (*settled)(void *owner);
	void (*ended)(void *owner); /* after a connection is gone */
	void *owner;
};

enum conn_entry {
	CONN_EXPLICIT = 0, /* the client speaks to a proxy */
	CONN_TRANSPARENT, /* it believes that it speaks to its destination */
};

enum conn_state {
	CONN_READ_REQUEST = 0, /* of the client, to the proxy or in an inspected tunnel */
	CONN_IDENTIFY, /* which program is it? */
	CONN_DECIDE,
	CONN_RESOLVE, /* which addresses has the host, and may they be dialled? */
	CONN_DIAL,
	CONN_UPSTREAM_CONNECT, /* through another proxy */
	CONN_UPSTREAM_TLS,
	CONN_OPEN_TUNNEL, /* CONNECT is answered */
	CONN_SNIFF, /* what comes through an inspected tunnel? */
	CONN_CLIENT_TLS,
	CONN_EXCHANGE, /* one request and its response */
	CONN_RELAY, /* bytes both ways */
	CONN_REPLY, /* the last bytes to the client */
	CONN_LINGER, /* until it has taken them */
	CONN_TURN_DOWN, /* a client that knows of no proxy: in what words can it be told? */
	CONN_STATES,
};

enum step {
	STEP_AGAIN, /* the state may have changed: take its step */
	STEP_WAIT, /* for an event, an answer or the deadline */
	STEP_CLOSE, /* it is over */
};

/* Both ends are alike. */
struct end {
	struct stream stream;
	struct queue in, out; /* what was read from it and is to be written to it */
	struct pipe *pipe; /* owned; what is to be written to it, in place of `out`. NULL: copied */
	bool flows; /* so much comes for it that a pipe is worth it */
	uint64_t moved_in, moved_out; /* payload, over the life of the tunnel or exchange */
};

/* The connection to the destination while it is being made; see upstream.h. */
struct dialing;

struct conn {
	struct proxy *proxy;
	enum conn_entry entry;
	struct conn *next, *previous;
	enum conn_state state;
	struct end client, upstream;
	struct loop_task task;
	struct loop_timer timer;
	int64_t deadline_ms;
	size_t turn_bytes; /* moved since the last event */

	struct identify_call identify;
	struct program *program; /* owned; NULL as long as it is not known */
	char *identity_error; /* owned; why it will never be */

	size_t seen; /* bytes of client.in that hold no complete head */
	uint64_t requests; /* begun; in a tunnel, those of the tunnel */
	struct exchange *exchange; /* NULL between requests, and in CONNECT */
	struct dialing *dialing;
	struct site upstream_site; /* while upstream is open */
	int64_t upstream_used_ms; /* when it last was of use */

	/* Of a tunnel that is not inspected: what its client says first. */
	enum {
		HELLO_AWAITED = 0, /* nothing yet */
		HELLO_BEGUN, /* a ClientHello, which is held back until it is whole */
		HELLO_SENT, /* it went on, and the server's answer is held back until it is known */
		HELLO_AGAIN, /* the server asked for a second one, which is held back like the first */
		HELLO_DONE,
	} hello;

	/* A CONNECT or a transparent connection, from its decision on. */
	bool has_tunnel;
	bool in_tunnel; /* requests come through it, decrypted */
	bool tunnel_tls;
	struct site tunnel;
	struct policy_decision tunnel_decision;
	int64_t tunnel_ms; /* when it was decided */
};

/* Takes over `fd`, accepted and non-blocking. -1, and the descriptor closed, where it cannot be watched or it
 * is not known where it was going. */
int conn_new(struct proxy *proxy, int fd, enum conn_entry entry, struct conn **out,
	     struct err *err);

/* At once, without another word to anybody. */
void conn_free(struct conn *conn);

/* Takes steps until one waits; frees the connection at its end. */
void conn_run(struct conn *conn);

/* --- for steps ----------------------------------------------------------------------------------- */

enum step conn_goto(struct conn *conn, enum conn_state next);

/* Runs again, after others had their turn. */
enum step conn_yield(struct conn *conn);

/* From now on, or for a step that has just begun: what happens then is conn_steps.c's. */
void conn_set_deadline(struct conn *conn, int64_t after_ms);

/* Gives the destination up, with whatever is still on its way. */
void conn_close_upstream(struct conn *conn);

/* The workload's question to the policy. */
struct gate conn_gate(const struct conn *conn);

/* A connection that was accepted above the limit: it is answered 503 as its first step. */
enum step conn_turn_away(struct conn *conn);

#endif
