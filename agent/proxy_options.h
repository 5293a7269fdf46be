/* SPDX-License-Identifier: Apache-2.0 */
/* proxy_options: what the proxy is told, by argv alone, whether it runs beside the workload or in a container of its
 * own. */
#ifndef AGENT_PROXY_OPTIONS_H
#define AGENT_PROXY_OPTIONS_H

#include "agent/proxy_parts.h"

struct proxy_options {
	const char *policy_path;
	bool policy_optional; /* an absent file stands for the built-in policy */
	uint32_t proxy_uid;
	bool relaxed_identity;
	struct cmd_list upstream_ca;
	struct proxy_limits limits;
	bool has_upstream_proxy;
	struct upstream_proxy upstream_proxy; /* without its credentials, which are in: */
	const char *upstream_proxy_auth_file; /* NULL for none */
	enum log_level log_level;
	enum log_format log_format;
};

/* As they stand in argv. */
struct proxy_words {
	struct cmd_list limits;
	const char *proxy_uid, *binary_identity, *log_level, *log_format;
	struct upstream_proxy_options upstream;
};

enum { PROXY_OPTIONS_ROWS = 13 };

/* Options for cmd_parse(), which fill both. */
void proxy_options_rows(struct proxy_options *o, struct proxy_words *w,
			struct cmd_option out[PROXY_OPTIONS_ROWS]);

/* After cmd_parse(). */
int proxy_options_read(const struct proxy_words *w, struct proxy_options *o, struct err *err);

/* What they say, without `roots` and `is_beside_workload`. Borrows. */
struct proxy_config proxy_options_config(const struct proxy_options *o, const struct log *log,
					 struct policy *policy);

#endif
