/* SPDX-License-Identifier: Apache-2.0 */
/* live_page: numbers that one process keeps and others read at any time: a file of fixed size that its maker alone
 * may write, mapped by who writes it before it is confined. In combined it is root's, in the run's directory; in
 * sidecar the proxy's, in the directory that the workload mounts read-only. What is read is copied;
 * nothing in it is followed or parsed, so the writer need not be trusted. */
#ifndef AGENT_LIVE_PAGE_H
#define AGENT_LIVE_PAGE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/run_state.h"
#include "agent/worker_counts.h"
#include "lib/err.h"

#define LIVE_PAGE_FENCE RUN_STATE_DIR "/fence.live"
#define LIVE_PAGE_WORKER RUN_STATE_DIR "/worker.live"

/* As above, beside the certificates. */
#define LIVE_PAGE_SIDECAR "worker.live"

/* What PID 1 keeps. */
struct live_fence {
	int64_t proved_ms; /* CLOCK_BOOTTIME when the fence was last seen to hold */
	uint64_t proofs;
};

/* Makes the file anew, with `mode`, and maps it, zeroed, to be shared with processes that are forked. */
int live_page_make(const char *path, mode_t mode, size_t n, void **out, struct err *err);

/* A copy of what it holds now. -1 also where it does not exist or has another size. */
int live_page_read(const char *path, void *out, size_t n, struct err *err);

/* Accepts NULL. */
void live_page_unmap(void *page, size_t n);

/* CLOCK_BOOTTIME, which is the same for all who share a page. */
int64_t live_page_now_ms(void);

#endif
