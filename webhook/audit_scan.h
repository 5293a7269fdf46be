/* SPDX-License-Identifier: Apache-2.0 */
/* audit_scan: judges the pods of a cluster, a page at a time, so that its memory does not depend on their number. */
#ifndef WEBHOOK_AUDIT_SCAN_H
#define WEBHOOK_AUDIT_SCAN_H

#include "webhook/audit.h"
#include "webhook/kube_client.h"

/* A pod that is not as it should be. Borrows. */
struct audit_found {
	const char *namespace_name, *name;
	const json_t *pod;
	const struct audit_verdict *verdict;
};

struct audit_scan {
	const struct kube_client *client;
	const struct webhook_config *config;
	const char *namespace_name; /* NULL: of the whole cluster */
	void (*report)(void *cls, const struct audit_found *found);
	void *cls;
};

struct audit_count {
	uint64_t pods; /* looked at */
	uint64_t unreadable; /* too large to be looked at; no pod that was rewritten is */
	uint64_t reasons[AUDIT_REASON_COUNT];
};

/* Asks for the version and the namespaces, then for the pods that have not ended. -1: not all of them could be asked for. */
int audit_scan(const struct audit_scan *scan, struct audit_count *out, struct err *err);

#endif
