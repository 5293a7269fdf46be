/* SPDX-License-Identifier: Apache-2.0 */
/* resolve: the proxy's own resolver, on the pod's resolv.conf and hosts file. Nothing of libc's name
 * services: they would load code that the image names. Never blocks: one descriptor to wait for and one
 * deadline, whatever is under way; the clock is a parameter.
 *
 * It says what addresses a host has, not whether they may be dialled (destination.h). */
#ifndef AGENT_PROXY_RESOLVE_H
#define AGENT_PROXY_RESOLVE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/proxy/resolve_cache.h"
#include "lib/err.h"
#include "lib/rd.h"

enum {
	RESOLVE_ASKS_MAX = 256, /* hosts waited for at a time */
	RESOLVE_QUERIES_MAX = 64, /* names asked for at a time: several may wait for one */
	/* All servers and all names of the search list together. */
	RESOLVE_ASK_TIMEOUT_MS = 10000,
	RESOLVE_ABSENT_TTL_S = 5,
	/* How long one address family is waited for once the other has come. */
	RESOLVE_GRACE_MS = 150,
};

enum resolve_status {
	RESOLVE_FAILED = 0, /* no server gave a usable answer, or there is none */
	RESOLVE_OK,
	RESOLVE_PENDING,
	RESOLVE_NO_NAME, /* it does not exist, or has no address */
	RESOLVE_BAD_NAME, /* not a host name */
	RESOLVE_TIMED_OUT,
	RESOLVE_TOO_BUSY,
};

/* "DNS resolution failed: no such name"; without a full stop. */
const char *resolve_status_text(enum resolve_status status);

struct resolve_config {
	struct slice resolv_conf, hosts; /* the files' texts; not needed any more afterwards */
	bool v6; /* ask for IPv6 addresses too */
	uint16_t port; /* of nameservers; 0 for 53 */
};

struct resolver;

/* Whom to tell. `status` is not RESOLVE_PENDING; `addresses` is empty unless it is RESOLVE_OK, and the
 * caller's until the call returns. May ask and cancel, not free the resolver. */
struct resolve_waiter {
	void (*done)(void *context, enum resolve_status status,
		     const struct resolve_addresses *addresses);
	void *context;
};

int resolve_new(const struct resolve_config *config, struct resolver **out, struct err *err);

/* Nobody who waits is called. Accepts NULL. */
void resolve_free(struct resolver *resolver);

/* The addresses of `host`: a literal's own (with or without brackets), those of the hosts file, else
 * those that DNS has, IPv4 first. RESOLVE_PENDING: the waiter is told exactly once, from
 * resolve_run(), unless it is cancelled. Anything else is the end, nobody is told, and `out` is
 * filled for RESOLVE_OK. `*out_id` is never 0. */
enum resolve_status resolve_ask(struct resolver *resolver, struct slice host, int64_t now_ms,
				const struct resolve_waiter *waiter, struct resolve_addresses *out,
				uint32_t *out_id);

/* Nobody is told. An id that is no longer waiting, or 0, is ignored. */
void resolve_cancel(struct resolver *resolver, uint32_t id);

/* Readable when there is something to do; and until when; -1 for no end. */
int resolve_fd(const struct resolver *resolver);
int64_t resolve_deadline_ms(const struct resolver *resolver);

/* To be called when either comes; harmless at other times. */
void resolve_run(struct resolver *resolver, int64_t now_ms);

#endif
