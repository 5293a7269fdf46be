/* SPDX-License-Identifier: Apache-2.0 */
/* probe_network: finds out whether the network enforces NetworkPolicies, with two pods of the agent's image in the
 * release's namespace (probe_objects.h). It blocks, for minutes at most, and leaves nothing behind, unless the API server
 * no longer answers or the process is killed. */
#ifndef WEBHOOK_PROBE_NETWORK_H
#define WEBHOOK_PROBE_NETWORK_H

#include "webhook/check_report.h"
#include "webhook/kube_client.h"
#include "webhook/probe_objects.h"

/* A row or two into the report. SIGINT, SIGTERM and SIGHUP end it early, and are then as if they had not come. Single-threaded. */
void probe_network(const struct kube_client *client, const struct probe_from *from,
		   struct check_report *report);

#endif
