/* SPDX-License-Identifier: Apache-2.0 */
/* worker_http: health and metrics of the proxy worker for the kubelet and Prometheus, on the pod's address.
 * GET and HEAD of three paths, one request a connection; the fence keeps the workload away from it. */
#ifndef AGENT_WORKER_HTTP_H
#define AGENT_WORKER_HTTP_H

#include "agent/worker_counts.h"
#include "lib/err.h"
#include "lib/loop.h"

enum {
	/* At a time; one more takes the place of the oldest, so that idle ones keep nobody out. */
	WORKER_HTTP_CONNS_MAX = 16,
	/* For the whole of a request and its answer. */
	WORKER_HTTP_DEADLINE_MS = 5000,
	/* Probes and scrapers send a few hundred bytes. */
	WORKER_HTTP_HEAD_MAX = 4096,
};

struct worker_http;

struct worker_http_config {
	struct loop *loop;
	const struct log *log;
	int fd; /* listening TCP socket, non-blocking; stays the caller's */
	/* What to tell, as of now. */
	void (*collect)(void *ctx, struct worker_counts *out);
	void *ctx;
};

/* Serves for as long as the loop runs, which is as long as the process lives. */
int worker_http_start(const struct worker_http_config *config, struct worker_http **out,
		      struct err *err);

/* Appends the answer to the request whose head `in` begins with; false while it is not whole and not yet
 * too long. Pure. */
bool worker_http_answer(struct slice in, const struct worker_counts *counts, struct buf *out);

#endif
