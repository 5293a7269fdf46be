/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/status_network.h"

#include <string.h>

#include "agent/egress.h"
#include "agent/live_page.h"
#include "agent/proxy/refusal.h"

enum {
	/* Two proofs may be late, as the machine may be busy. */
	FENCE_AGE_MAX_MS = 3 * PROXY_CHECK_EVERY_S * 1000,
	/* The worker writes every second. */
	WORKER_AGE_MAX_MS = 10000,
};

static json_t *number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *refusals_json(const struct proxy_counters *counters)
{
	json_t *refusals = json_object();

	for (int code = 0; code < REFUSAL_CODES; code++)
		if (counters->refused[code] > 0)
			json_object_set_new(refusals, refusal_error((enum refusal_code)code),
					    number(counters->refused[code]));
	return refusals;
}

static json_t *limits_json(const struct proxy_limits *limits)
{
	json_t *all = json_object();

	for (size_t i = 0; proxy_limits_name(i) != NULL; i++)
		json_object_set_new(all, proxy_limits_name(i), number(proxy_limits_get(limits, i)));
	return all;
}

static json_t *worker_json(const struct worker_counts *counts, bool ready)
{
	const struct proxy_counters *c = &counts->proxy;

	return json_pack(
		"{s:b, s:o, s:{s:o, s:o, s:o}, s:{s:o, s:o}, s:{s:o, s:o}, s:o, s:{s:o, s:o}, s:o, "
		"s:{s:o, s:o}}",
		"ready", ready, "limits", limits_json(&counts->limits), "connections", "open",
		number(c->open), "total", number(c->accepted), "turned_away",
		number(c->turned_away), "connects", "allowed", number(c->connects_allowed),
		"denied", number(c->connects_denied), "requests", "allowed",
		number(c->requests_allowed), "denied", number(c->requests_denied), "refusals",
		refusals_json(c), "bytes", "in", number(c->bytes_in), "out", number(c->bytes_out),
		"bypass_reports", number(counts->bypasses + counts->bypasses_skipped),
		"policy_changes", "applied", number(c->policies_applied), "refused",
		number(c->policies_refused));
}

static const char *judge(bool fence_holds, bool worker_ready)
{
	if (!fence_holds)
		return "the fence was not proved for too long";
	return worker_ready ? "" : "the proxy worker does not serve";
}

static bool is_serving(const struct worker_counts *worker, int64_t now_ms)
{
	return worker->is_ready != 0 && worker->at_ms != 0 &&
	       now_ms - worker->at_ms <= WORKER_AGE_MAX_MS;
}

int status_network_add(json_t *state, const char **out_problem, struct err *err)
{
	json_t *network = json_object_get(state, "network");
	const char *egress = json_string_value(json_object_get(network, "egress"));
	struct worker_counts worker;
	struct live_fence fence;

	*out_problem = "";
	if (egress == NULL || strcmp(egress, "proxy") != 0)
		return 0;
	if (live_page_read(LIVE_PAGE_FENCE, &fence, sizeof(fence), err) == -1 ||
	    live_page_read(LIVE_PAGE_WORKER, &worker, sizeof(worker), err) == -1)
		return -1;
	int64_t now_ms = live_page_now_ms();
	bool holds = fence.proofs > 0 && now_ms - fence.proved_ms <= FENCE_AGE_MAX_MS;
	bool ready = is_serving(&worker, now_ms);
	json_object_set_new(network, "fence",
			    json_pack("{s:b, s:I, s:o}", "holds", holds, "proved_ms_ago",
				      (json_int_t)(now_ms - fence.proved_ms), "proofs",
				      number(fence.proofs)));
	json_object_set_new(network, "worker", worker_json(&worker, ready));
	*out_problem = judge(holds, ready);
	return 0;
}

int status_network_add_sidecar(json_t *network, const char *path, bool fence_holds,
			       const char **out_problem, struct err *err)
{
	struct worker_counts worker;

	if (live_page_read(path, &worker, sizeof(worker), err) == -1)
		return -1;
	bool ready = is_serving(&worker, live_page_now_ms());
	json_object_set_new(network, "fence", json_pack("{s:b}", "holds", fence_holds));
	json_object_set_new(network, "worker", worker_json(&worker, ready));
	*out_problem = !fence_holds ? "something leaves past the proxy: there is no fence"
				    : judge(true, ready);
	return 0;
}
