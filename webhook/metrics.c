/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/metrics.h"

#include <inttypes.h>

#include "lib/cleanup.h"

#define PREFIX METRICS_PREFIX

static const unsigned int statuses[METRICS_STATUS_COUNT] = {
	200, 400, 404, 405, 413, 415, 500, 503
};

static const char *const results[OUTCOME_COUNT] = {
	[OUTCOME_REFUSED] = "refused",
	[OUTCOME_UNTOUCHED] = "untouched",
	[OUTCOME_REWRITTEN] = "rewritten",
};

/* Upper bounds in microseconds; a review of 8 KiB takes about a tenth of a millisecond. */
static const int64_t bounds_us[METRICS_BUCKET_COUNT] = { 100,   500,   1000,   5000,
							 10000, 50000, 100000, 1000000 };

void metrics_count_outcome(struct metrics *metrics, const struct outcome *outcome,
			   int64_t duration_us)
{
	size_t bucket = 0;

	atomic_fetch_add(&metrics->reviews[outcome->endpoint][outcome->result][outcome->topology],
			 1);
	for (size_t i = 0; i < outcome->findings.n_denials; i++)
		atomic_fetch_add(&metrics->denials[outcome->findings.denials[i].code], 1);
	while (bucket < METRICS_BUCKET_COUNT && duration_us > bounds_us[bucket])
		bucket++;
	atomic_fetch_add(&metrics->buckets[bucket], 1);
	atomic_fetch_add(&metrics->total_us, (unsigned long long)duration_us);
}

void metrics_count_status(struct metrics *metrics, unsigned int status)
{
	for (size_t i = 0; i < METRICS_STATUS_COUNT; i++)
		if (statuses[i] == status)
			atomic_fetch_add(&metrics->statuses[i], 1);
}

void metrics_head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", name, help, name, type);
}

static void print_review(const struct metrics *metrics, enum endpoint endpoint,
			 enum outcome_result result, enum topology topology, struct buf *out)
{
	unsigned long long n = metrics->reviews[endpoint][result][topology];
	const char *name = topology_name(topology);

	if (n > 0)
		buf_printf(out,
			   PREFIX
			   "reviews_total{endpoint=\"%s\",result=\"%s\",topology=\"%s\"} %llu\n",
			   endpoint_name(endpoint), results[result],
			   *name != '\0' ? name : "undecided", n);
}

static void print_reviews(const struct metrics *metrics, struct buf *out)
{
	metrics_head(out, "reviews_total", "counter", "Reviews by endpoint, result and topology.");
	for (int i = 0; i < ENDPOINT_COUNT; i++)
		for (int result = 0; result < OUTCOME_COUNT; result++)
			for (int topology = 0; topology < TOPOLOGY_COUNT; topology++)
				print_review(metrics, (enum endpoint)i, (enum outcome_result)result,
					     (enum topology)topology, out);
	metrics_head(out, "denials_total", "counter", "Problems found, by code (docs/denials.md).");
	for (int i = 0; i < DENIAL_COUNT; i++)
		if (metrics->denials[i] > 0)
			buf_printf(out, PREFIX "denials_total{code=\"%s\"} %llu\n",
				   denial_text((enum denial)i)->code,
				   (unsigned long long)metrics->denials[i]);
}

static void print_durations(const struct metrics *metrics, struct buf *out)
{
	unsigned long long sum = 0;

	metrics_head(out, "review_duration_seconds", "histogram", "From body to answer.");
	for (size_t i = 0; i < METRICS_BUCKET_COUNT; i++) {
		sum += metrics->buckets[i];
		buf_printf(out, PREFIX "review_duration_seconds_bucket{le=\"%g\"} %llu\n",
			   (double)bounds_us[i] / 1e6, sum);
	}
	sum += metrics->buckets[METRICS_BUCKET_COUNT];
	buf_printf(out, PREFIX "review_duration_seconds_bucket{le=\"+Inf\"} %llu\n", sum);
	buf_printf(out, PREFIX "review_duration_seconds_sum %g\n", (double)metrics->total_us / 1e6);
	buf_printf(out, PREFIX "review_duration_seconds_count %llu\n", sum);
}

void metrics_print(const struct metrics *metrics, const struct metrics_now *now, struct buf *out)
{
	metrics_head(out, "answers_total", "counter", "Answers to reviews by HTTP status.");
	for (size_t i = 0; i < METRICS_STATUS_COUNT; i++)
		buf_printf(out, PREFIX "answers_total{status=\"%u\"} %llu\n", statuses[i],
			   (unsigned long long)metrics->statuses[i]);
	print_reviews(metrics, out);
	print_durations(metrics, out);
	metrics_head(out, "connections", "gauge", "Open connections.");
	buf_printf(out, PREFIX "connections %zu\n", now->connections);
	metrics_head(out, "namespaces", "gauge", "Namespaces known.");
	buf_printf(out, PREFIX "namespaces %zu\n", now->namespaces);
	metrics_head(out, "certificate_expiry_seconds", "gauge",
		     "When the serving certificate expires, in seconds since 1970.");
	buf_printf(out, PREFIX "certificate_expiry_seconds %" PRId64 "\n", now->certificate_expiry);
	metrics_head(out, "ready", "gauge", "1 while requests are welcome.");
	buf_printf(out, PREFIX "ready %d\n", now->ready);
	metrics_head(out, "build_info", "gauge", "The running version.");
	buf_puts(out, PREFIX "build_info{version=\"" OPENSHELL_VERSION "\"} 1\n");
}
