/* SPDX-License-Identifier: Apache-2.0 */
/* worker: the proxy as a whole, for the process that is nothing else. It parses all that comes from the
 * workload and from outside, and so has no privilege: sockets, policy and services are handed to it. */
#ifndef AGENT_PROXY_WORKER_H
#define AGENT_PROXY_WORKER_H

#include "agent/proxy/counters.h"
#include "agent/proxy/inside.h"
#include "agent/proxy/intercept.h"
#include "agent/proxy/limits.h"
#include "agent/proxy/services.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/tls_client.h"
#include "policy/policy.h"

enum {
	WORKER_LISTENERS_MAX = 4,
	/* Above the limit of connections one is told so; above these it waits in the kernel's queue. */
	WORKER_TURNED_AWAY_MAX = 64,
};

struct worker;
struct upstream_proxy;

/* Borrows what it points to, but for what is said. */
struct worker_config {
	struct loop *loop; /* the services' too */
	int listen_fds[WORKER_LISTENERS_MAX]; /* listening TCP sockets, non-blocking; taken over */
	size_t n_listen_fds;
	/* For clients that know of no proxy; taken over. NULL for none. */
	const struct inside *inside;
	unsigned dns_table; /* which of SYNTHETIC_TABLES they are answered from */
	struct policy *policy; /* taken over */
	const struct log *log;
	const struct services *services;
	struct proxy_limits limits;
	/* NULL: TLS cannot be inspected, and is refused where it would have to be. */
	struct intercept *intercept;
	struct tls_client *tls_client;
	const struct upstream_proxy *upstream_proxy; /* NULL: destinations are dialled */
	const char
		*credentials; /* that clients have to name, from credentials_read(); NULL: none */
	int control_fd; /* the worker stops when its other end closes; -1 for none. Taken over. */
};

/* Serves from now on, as the loop runs. On failure nothing has been taken over. */
int worker_new(const struct worker_config *config, struct worker **out, struct err *err);

/* From the next decision on. Takes `policy` over. Connections that it refuses are closed, all others go on. */
void worker_set_policy(struct worker *worker, struct policy *policy);

/* For the counters: a new policy had problems, and the one before holds. */
void worker_note_refused_policy(struct worker *worker);

/* Takes no new connections and requests, gives what is in flight its time, then stops the loop. */
void worker_stop(struct worker *worker);

/* False once it was told to stop. */
bool worker_is_serving(const struct worker *worker);

const struct proxy_counters *worker_counters(const struct worker *worker);

/* Closes what is open. Accepts NULL. */
void worker_free(struct worker *worker);

/* Runs the loop until the control descriptor closes, SIGTERM or SIGINT arrives, and what was in flight is
 * done or out of time. 0, or -1 where it could not go on. */
int worker_run(struct worker *worker, struct err *err);

#endif
