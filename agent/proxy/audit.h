/* SPDX-License-Identifier: Apache-2.0 */
/* audit: one event a decision, and one when a tunnel ends. Flat fields that people grep for, and the class
 * and activity numbers of OCSF 1.8 for machines. Never a query, a body or a field of a request. */
#ifndef AGENT_PROXY_AUDIT_H
#define AGENT_PROXY_AUDIT_H

#include <stdint.h>
#include <sys/types.h>

#include "lib/log.h"
#include "lib/rd.h"

enum audit_kind {
	AUDIT_CONNECT = 0, /* a connection was decided on: net.connect */
	AUDIT_CLOSE, /* an allowed tunnel ended: net.close */
	AUDIT_REQUEST, /* a request was refused, or was answered: http.request */
};

enum audit_verdict {
	AUDIT_DENY = 0,
	AUDIT_ALLOW,
	AUDIT_WOULD_DENY, /* let through, as the endpoint only audits */
	AUDIT_FAIL, /* allowed, but it did not work; `reason` says why */
};

/* Borrows. What is not known is NULL, zero or -1 as said. */
struct audit {
	enum audit_kind kind;
	enum audit_verdict verdict;
	struct slice host, method, path;
	uint16_t port;
	const char *binary;
	pid_t pid;
	const char *policy, *rule, *reason;
	int status; /* that the client was answered; 0: none */
	int64_t bytes_in, bytes_out; /* from and to the destination; -1: nothing was opened */
	int64_t duration_ms; /* -1: nothing was opened */
};

void audit_write(const struct log *log, const struct audit *audit);

#endif
