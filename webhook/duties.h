/* SPDX-License-Identifier: Apache-2.0 */
/* duties: what a replica does beside answering: it takes part in the election of a leader, keeps its own
 * certificate, and where it leads gives namespaces the default policy and agent pods their proxies, and looks for pods
 * that are not sandboxed as they should be. Reviews never wait for any of it. */
#ifndef WEBHOOK_DUTIES_H
#define WEBHOOK_DUTIES_H

#include <stdint.h>

#include "lib/err.h"
#include "lib/log.h"
#include "webhook/cert_objects.h"
#include "webhook/config.h"
#include "webhook/server.h"

enum { DUTIES_NAME_MAX = 64 };

/* As given in argv; NULL: not given. */
struct duties_text {
	const char *service, *configuration, *certificate_days, *audit_seconds, *default_policy;
};

#define DUTIES_OPTIONS(text)                                                           \
	{ "--service", CMD_TEXT, &(text)->service, "NAME.NAMESPACE",                   \
	  "the Service that leads here" },                                             \
		{ "--webhook-configuration", CMD_TEXT, &(text)->configuration, "NAME", \
		  "keep caBundle there; without --tls-cert" },                         \
		{ "--default-policy", CMD_TEXT, &(text)->default_policy, "POLICY",     \
		  "of opted-in namespaces, its text" },                                \
		{ "--audit-seconds", CMD_TEXT, &(text)->audit_seconds, "N",            \
		  "between two audits, default 600; 0: none" },                        \
	{                                                                              \
		"--certificate-days", CMD_TEXT, &(text)->certificate_days, "N",        \
			"life of the certificate, default 90; without --tls-cert"      \
	}

struct duties_plan {
	char service[DUTIES_NAME_MAX], namespace_name[DUTIES_NAME_MAX];
	char secret[DUTIES_NAME_MAX + 16], host[2 * DUTIES_NAME_MAX + 8];
	const char *configuration; /* NULL: the certificate is somebody else's */
	int64_t life_s;
	uint32_t audit_s; /* 0: never */
	const char *default_policy; /* NULL: none */
};

/* `is_certified`: the certificate comes from files. Without a Service there is nothing to do then, and `out` is
 * zeroed. ERR_INVALID: what is missing or wrong. */
int duties_parse(const struct duties_text *text, bool is_certified, struct duties_plan *out,
		 struct err *err);

struct duties_options {
	const struct duties_plan *plan;
	const char *api, *account; /* as struct kube_client */
	const struct webhook_config *config;
	const struct log *log;
	struct server *server;
};

struct duties;

/* Everything is borrowed, the server until it is stopped. Signals must be blocked by the caller. */
int duties_start(const struct duties_options *options, struct duties **out, struct err *err);

/* What ought to be left to another replica; before the drain. NULL is fine. */
void duties_stop(struct duties *duties);

#endif
