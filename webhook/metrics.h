/* SPDX-License-Identifier: Apache-2.0 */
/* metrics: counters of the server, as Prometheus text. Labels come from our own tables alone, so
 * their number is bounded and no text from outside gets in. */
#ifndef WEBHOOK_METRICS_H
#define WEBHOOK_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

#include "lib/buf.h"
#include "webhook/handler.h"

#define METRICS_PREFIX "openshell_webhook_"

enum { METRICS_STATUS_COUNT = 8, METRICS_BUCKET_COUNT = 8 };

struct metrics {
	atomic_ullong reviews[ENDPOINT_COUNT][OUTCOME_COUNT][TOPOLOGY_COUNT];
	atomic_ullong denials[DENIAL_COUNT];
	atomic_ullong statuses[METRICS_STATUS_COUNT]; /* of answers to reviews */
	atomic_ullong buckets[METRICS_BUCKET_COUNT + 1];
	atomic_ullong total_us;
};

/* What is read when asked, not counted. */
struct metrics_now {
	size_t connections;
	size_t namespaces;
	int64_t certificate_expiry;
	bool ready;
};

/* Help and type of a metric; `name` without METRICS_PREFIX. */
void metrics_head(struct buf *out, const char *name, const char *type, const char *help);

void metrics_count_outcome(struct metrics *metrics, const struct outcome *outcome,
			   int64_t duration_us);
void metrics_count_status(struct metrics *metrics, unsigned int status);
void metrics_print(const struct metrics *metrics, const struct metrics_now *now, struct buf *out);

#endif
