/* SPDX-License-Identifier: Apache-2.0 */
/* services: what the worker asks of others, so that it neither reads /proc nor speaks DNS itself: which
 * program opened a connection, which addresses a host has, and whether they may be dialled.
 *
 * A call is embedded in who asks. Its `done` is called once, also before the function returns; after a
 * cancel it is not called any more. What `done` gets is borrowed until it returns. */
#ifndef AGENT_PROXY_SERVICES_H
#define AGENT_PROXY_SERVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/err.h"
#include "policy/cidr.h"
#include "policy/policy.h"

/* A TCP connection as the workload's socket has it. */
struct flow {
	struct address workload, remote;
	uint16_t workload_port, remote_port;
};

/* The program that opened a connection. */
struct program {
	pid_t pid;
	const char *binary; /* the kernel's path of its executable */
	const char *const *ancestors; /* of its parents, nearest first */
	size_t n_ancestors;
};

struct identify_call {
	struct flow flow;
	/* NULL: it is not known, and `error` says why. */
	void (*done)(struct identify_call *call, const struct program *program, const char *error);
	void *service; /* the service's, as the two below */
	struct identify_call *next, *previous;
	bool queued; /* it waits for its turn: nobody has been asked yet */
	bool pending; /* who asks keeps this */
};

struct resolve_call {
	const char *host; /* in the one form of policy/match_host.h; never an address */
	/* No addresses: `error` says why. */
	void (*done)(struct resolve_call *call, const struct address *addresses, size_t n,
		     const char *error);
	void *service; /* the service's, as the two below */
	struct resolve_call *next, *previous;
	bool is_full; /* there is none as there was no room to ask: set before `done` */
	bool pending;
};

/* Borrows everything. */
struct destination_question {
	struct slice host;
	uint16_t port;
	const struct policy_decision *decision;
	const struct address *addresses;
	size_t n;
	bool by_name; /* another proxy is told the name, and no address is known here */
};

/* What may be dialled, in this order. */
struct destination_answer {
	struct address addresses[32];
	size_t n;
};

struct services {
	void *ctx;
	/* NULL: there is no identity here (proxy-pod, or relaxed by the pod's owner), so the
	 * policy's `binaries` are not looked at. */
	void (*identify)(void *ctx, struct identify_call *call);
	void (*identify_cancel)(void *ctx, struct identify_call *call);
	void (*resolve)(void *ctx, struct resolve_call *call);
	void (*resolve_cancel)(void *ctx, struct resolve_call *call);
	/* Fails with ERR_DENIED and the reason where any of the addresses may not be dialled. */
	int (*validate)(void *ctx, const struct destination_question *question,
			struct destination_answer *out, struct err *err);
};

#endif
