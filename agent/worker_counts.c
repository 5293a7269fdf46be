/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/worker_counts.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "agent/proxy/refusal.h"
#include "lib/cleanup.h"

#define COUNTER(name, field, help)                                               \
	{                                                                        \
		name, "", "counter", help, offsetof(struct worker_counts, field) \
	}
#define LABELLED(name, labels, field, help)                                          \
	{                                                                            \
		name, labels, "counter", help, offsetof(struct worker_counts, field) \
	}
#define GAUGE(name, field, help)                                               \
	{                                                                      \
		name, "", "gauge", help, offsetof(struct worker_counts, field) \
	}

/* Lines of one name stand together, and the first has the help. */
static const struct {
	const char *name, *labels, *type, *help;
	size_t at;
} metrics[] = {
	GAUGE("ready", is_ready, "1 while requests are served."),
	COUNTER("connections_total", proxy.accepted, "Connections of the workload."),
	GAUGE("connections_open", proxy.open, "Connections of the workload now."),
	GAUGE("connections_limit", limits.conns, "As many may be open."),
	COUNTER("connections_turned_away_total", proxy.turned_away,
		"Connections answered 503, as there were too many."),
	LABELLED("decisions_total", "{kind=\"connect\",verdict=\"allow\"}", proxy.connects_allowed,
		 "Decisions of the policy."),
	LABELLED("decisions_total", "{kind=\"connect\",verdict=\"deny\"}", proxy.connects_denied,
		 NULL),
	LABELLED("decisions_total", "{kind=\"request\",verdict=\"allow\"}", proxy.requests_allowed,
		 NULL),
	LABELLED("decisions_total", "{kind=\"request\",verdict=\"deny\"}", proxy.requests_denied,
		 NULL),
	LABELLED("bytes_total", "{direction=\"in\"}", proxy.bytes_in,
		 "Payload from and to destinations."),
	LABELLED("bytes_total", "{direction=\"out\"}", proxy.bytes_out, NULL),
	LABELLED("upstream_connections_total", "{from=\"pool\"}", proxy.pool_hits,
		 "Connections to destinations, used again or made."),
	LABELLED("upstream_connections_total", "{from=\"dial\"}", proxy.pool_misses, NULL),
	COUNTER("closed_by_policy_total", proxy.closed_by_policy,
		"Connections closed by a new policy that refuses them."),
	LABELLED("policy_changes_total", "{result=\"applied\"}", proxy.policies_applied,
		 "New policies since the start."),
	LABELLED("policy_changes_total", "{result=\"refused\"}", proxy.policies_refused, NULL),
	COUNTER("identity_asked_total", identity_asked, "Questions to the identity helper."),
	COUNTER("identity_answered_total", identity_answered, "Of these, answered."),
	COUNTER("identity_timeouts_total", identity_timed_out, "Of these, not in time."),
	COUNTER("names_total", names_asked, "Names of destinations that were to be resolved."),
	COUNTER("leaves_total", leaves_made, "Certificates made for intercepted hosts."),
	LABELLED("bypass_reports_total", "{told=\"yes\"}", bypasses,
		 "Packets that the fence dropped, as far as the kernel tells."),
	LABELLED("bypass_reports_total", "{told=\"no\"}", bypasses_skipped, NULL),
};

static void put_head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP openshell_proxy_%s %s\n# TYPE openshell_proxy_%s %s\n", name, help,
		   name, type);
}

static uint64_t number_at(const struct worker_counts *counts, size_t at)
{
	uint64_t number;

	memcpy(&number, (const char *)counts + at, sizeof(number));
	return number;
}

void worker_counts_put(const struct worker_counts *counts, struct buf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(metrics); i++) {
		if (metrics[i].help != NULL)
			put_head(out, metrics[i].name, metrics[i].type, metrics[i].help);
		buf_printf(out, "openshell_proxy_%s%s %" PRIu64 "\n", metrics[i].name,
			   metrics[i].labels, number_at(counts, metrics[i].at));
	}
	put_head(out, "refusals_total", "counter", "Answers of the proxy itself, by their error.");
	for (int code = 0; code < REFUSAL_CODES; code++)
		buf_printf(out, "openshell_proxy_refusals_total{error=\"%s\"} %" PRIu64 "\n",
			   refusal_error((enum refusal_code)code), counts->proxy.refused[code]);
	put_head(out, "info", "gauge", "Which release this is.");
	buf_printf(out, "openshell_proxy_info{version=\"%s\"} 1\n", OPENSHELL_VERSION);
}
