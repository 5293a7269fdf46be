/* SPDX-License-Identifier: Apache-2.0 */
/* pool: connections to destinations that wait for another request. One is given only to the program that
 * it was opened for, as policy sees programs, and to the host that it was validated for: what a server
 * remembers of a connection is never another program's. Dropped whole with the policy it was made under. */
#ifndef AGENT_PROXY_POOL_H
#define AGENT_PROXY_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/proxy/services.h"
#include "agent/proxy/site.h"
#include "agent/proxy/stream.h"

enum {
	/* Beyond this the one that waited longest is closed. */
	POOL_MAX = 128,
	/* Most servers wait longer, so that it is we who close first. */
	POOL_IDLE_MS = 30000,
};

struct pooled;

/* A zeroed one with its loop set is empty. */
struct pool {
	struct loop *loop;
	struct pooled *newest, *oldest;
	size_t n;
	struct loop_timer timer;
};

/* Whom a connection is for. Borrows. */
struct pool_key {
	const struct program *program; /* NULL: identity is relaxed */
	const struct site *site;
	bool tls;
};

/* Takes over an open stream that waits for its next request; it is not open any more afterwards. */
void pool_put(struct pool *pool, const struct pool_key *key, struct stream *stream);

/* The connection for `key` that was of use last: opens `out` for its new owner. `out_since_ms`: when it
 * was put. False where there is none. */
bool pool_take(struct pool *pool, const struct pool_key *key, void (*ready)(void *, uint32_t),
	       void *ctx, struct stream *out, int64_t *out_since_ms);

/* Closes all. */
void pool_flush(struct pool *pool);

#endif
