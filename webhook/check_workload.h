/* SPDX-License-Identifier: Apache-2.0 */
/* check_workload: what would become of an object that makes pods, as rows of a report. Pure. */
#ifndef WEBHOOK_CHECK_WORKLOAD_H
#define WEBHOOK_CHECK_WORKLOAD_H

#include "webhook/check_report.h"
#include "webhook/handler.h"

/* `is_known` and `outcome` as inject.h reports them. */
void check_workload(struct check_report *report, const json_t *object, bool is_known,
		    const struct outcome *outcome);

/* The policy that the pods of `object` name themselves; NULL: none. */
const char *check_workload_policy(json_t *object);

#endif
