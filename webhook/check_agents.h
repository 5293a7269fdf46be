/* SPDX-License-Identifier: Apache-2.0 */
/* check_agents: asks the API server for the agent pods of topology proxy-pod, whose first container has found out
 * whether their network is closed. */
#ifndef WEBHOOK_CHECK_AGENTS_H
#define WEBHOOK_CHECK_AGENTS_H

#include "webhook/check_report.h"
#include "webhook/kube_client.h"

/* Of one namespace, or of all where the name is NULL; a row into the report. */
void check_agents_ask(const struct kube_client *client, const char *namespace_name,
		      struct check_report *report);

#endif
