/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy_options.h"

#include <string.h>

#include "agent/words.h"
#include "lib/cleanup.h"

void proxy_options_rows(struct proxy_options *o, struct proxy_words *w,
			struct cmd_option out[PROXY_OPTIONS_ROWS])
{
	const struct cmd_option rows[] = {
		{ "--policy", CMD_TEXT, &o->policy_path, "FILE",
		  "policy; without it, the built-in one: no egress" },
		{ "--policy-optional", CMD_FLAG, &o->policy_optional, NULL,
		  "an absent FILE stands for the built-in policy" },
		{ "--proxy-uid", CMD_TEXT, &w->proxy_uid, "UID",
		  "the proxy's identity (default 1337)" },
		{ "--binary-identity", CMD_TEXT, &w->binary_identity, "MODE",
		  "required (default), or relaxed: the policy's binaries are not looked at" },
		{ "--upstream-ca", CMD_REPEATED, &o->upstream_ca, "FILE",
		  "roots that upstream servers may have besides the well-known ones" },
		{ "--limit", CMD_REPEATED, &w->limits, "NAME=NUMBER",
		  "how much or how long in the proxy, by the names of docs/proxy.md" },
		{ "--upstream-proxy", CMD_TEXT, &w->upstream.url, "http://HOST:PORT",
		  "through which destinations are reached" },
		{ "--upstream-no-proxy", CMD_TEXT, &w->upstream.no_proxy, "LIST",
		  "what is reached past it: *, domains, addresses and blocks, with or without "
		  ":PORT" },
		{ "--upstream-proxy-auth-file", CMD_TEXT, &w->upstream.auth_file, "FILE",
		  "USER:PASSWORD for it; root's, and nobody else may read it" },
		{ "--upstream-proxy-auth-allow-insecure", CMD_TEXT,
		  &w->upstream.auth_allow_insecure, "true", "they may go there in the clear" },
		{ "--upstream-proxy-connect-by-hostname", CMD_TEXT,
		  &w->upstream.connect_by_hostname, "true", "it is told names, not addresses" },
		{ "--log-level", CMD_TEXT, &w->log_level, "LEVEL",
		  "error, warn, info (default), debug" },
		{ "--log-format", CMD_TEXT, &w->log_format, "FORMAT",
		  "json (default), or shorthand, for people" },
	};

	_Static_assert(ARRAY_LEN(rows) == PROXY_OPTIONS_ROWS, "all of them");
	memcpy(out, rows, sizeof(rows));
}

int proxy_options_read(const struct proxy_words *w, struct proxy_options *o, struct err *err)
{
	o->limits = proxy_limits_default();
	o->log_level = LOG_LEVEL_INFO;
	if (words_proxy_uid(w->proxy_uid, &o->proxy_uid, err) == -1 ||
	    words_identity(w->binary_identity, &o->relaxed_identity, err) == -1)
		return -1;
	for (size_t i = 0; i < w->limits.n; i++)
		if (proxy_limits_set(&o->limits, w->limits.items[i], err) == -1)
			return err_wrap(err, "--limit");
	if (log_parse_level(w->log_level, &o->log_level, err) == -1 ||
	    log_parse_format(w->log_format, &o->log_format, err) == -1 ||
	    upstream_proxy_read(&w->upstream, &o->upstream_proxy, &o->has_upstream_proxy, err) ==
		    -1)
		return -1;
	o->upstream_proxy_auth_file = w->upstream.auth_file;
	if (o->policy_optional && o->policy_path == NULL)
		return err_set(err, ERR_INVALID, "--policy-optional needs --policy");
	return 0;
}

struct proxy_config proxy_options_config(const struct proxy_options *o, const struct log *log,
					 struct policy *policy)
{
	return (struct proxy_config){
		.log = log,
		.policy = policy,
		.uid = o->proxy_uid,
		.relaxed_identity = o->relaxed_identity,
		.limits = o->limits,
		.upstream_ca = &o->upstream_ca,
		.upstream_proxy = o->has_upstream_proxy ? &o->upstream_proxy : NULL,
		.upstream_proxy_auth_file = o->upstream_proxy_auth_file,
	};
}
