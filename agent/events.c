/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/events.h"

#include "lib/cleanup.h"

/* Classes of OCSF 1.8 and their activities, as far as there are events of them. */
enum { PROCESS = 1007, PROCESS_LAUNCH = 1, PROCESS_TERMINATE = 2 };
enum { NETWORK = 4001, NETWORK_OPEN = 1, NETWORK_CLOSE = 2, NETWORK_FAIL = 4 };
enum { NETWORK_REFUSE = 5, NETWORK_LISTEN = 7 };
enum { HTTP = 4002 };
enum { DNS = 4003, DNS_QUERY = 1 };
enum { CONFIG = 5019, CONFIG_LOG = 1 };
enum { LIFECYCLE = 6002, LIFECYCLE_START = 3, LIFECYCLE_STOP = 4 };
enum { OTHER = 99 };

const struct log_event agent_events[] = {
	{ "http.request", HTTP, OTHER },
	{ "net.connect", NETWORK, NETWORK_OPEN },
	{ "net.close", NETWORK, NETWORK_CLOSE },
	{ "net.bypass", NETWORK, NETWORK_REFUSE },
	{ "net.bypass_skipped", NETWORK, NETWORK_REFUSE },
	{ "net.reports_lost", NETWORK, OTHER },
	{ "dns.query", DNS, DNS_QUERY },
	{ "dns.full", DNS, DNS_QUERY },
	{ "proxy.listening", NETWORK, NETWORK_LISTEN },
	{ "proxy.accept_failed", NETWORK, NETWORK_FAIL },
	{ "proxy.draining", LIFECYCLE, LIFECYCLE_STOP },
	{ "fence.unproved", NETWORK, OTHER },
	{ "fence.ready", LIFECYCLE, LIFECYCLE_START },
	{ "sandbox.ready", LIFECYCLE, LIFECYCLE_START },
	{ "sandbox.refused", LIFECYCLE, LIFECYCLE_START },
	{ "sandbox.failed", LIFECYCLE, LIFECYCLE_STOP },
	{ "ca.replaced", CONFIG, CONFIG_LOG },
	{ "worker.failed", LIFECYCLE, LIFECYCLE_STOP },
	{ "identity.failed", LIFECYCLE, LIFECYCLE_STOP },
	{ "policy.loaded", CONFIG, CONFIG_LOG },
	{ "policy.warning", CONFIG, CONFIG_LOG },
	{ "policy.reloaded", CONFIG, CONFIG_LOG },
	{ "policy.reload_failed", CONFIG, CONFIG_LOG },
	{ "policy.restored", CONFIG, CONFIG_LOG },
	{ "policy.takes_effect_at_next_start", CONFIG, CONFIG_LOG },
	{ "policy.not_told", CONFIG, CONFIG_LOG },
	{ "landlock.incomplete", CONFIG, CONFIG_LOG },
	{ "landlock.paths_skipped", CONFIG, CONFIG_LOG },
	{ "workload.started", PROCESS, PROCESS_LAUNCH },
	{ "workload.not_started", PROCESS, PROCESS_LAUNCH },
	{ "workload.exited", PROCESS, PROCESS_TERMINATE },
};
const size_t agent_events_n = ARRAY_LEN(agent_events);
