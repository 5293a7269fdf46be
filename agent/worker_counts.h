/* SPDX-License-Identifier: Apache-2.0 */
/* worker_counts: what the proxy worker has counted, as metrics and for `status`. Numbers and nothing else,
 * so that who reads them need not trust who wrote them. */
#ifndef AGENT_WORKER_COUNTS_H
#define AGENT_WORKER_COUNTS_H

#include "agent/proxy/counters.h"
#include "agent/proxy/limits.h"
#include "lib/buf.h"

enum {
	/* The whole text is about 6 KiB. */
	WORKER_COUNTS_TEXT_MAX = 32768,
};

struct worker_counts {
	struct proxy_counters proxy;
	struct proxy_limits limits;
	uint64_t identity_asked, identity_answered, identity_timed_out;
	uint64_t names_asked;
	uint64_t leaves_made;
	uint64_t bypasses, bypasses_skipped; /* reported by the kernel, and left out by it */
	uint64_t is_ready; /* 1: requests are served */
	int64_t at_ms; /* when this was written, as live_page.h counts time; 0: never */
};

/* The text exposition format of Prometheus. The labels are words of ours; their number is fixed. */
void worker_counts_put(const struct worker_counts *counts, struct buf *out);

#endif
