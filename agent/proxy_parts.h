/* SPDX-License-Identifier: Apache-2.0 */
/* proxy_parts: what the proxy's two processes, identity helper and worker, are made of, in every topology: opened
 * and read by their parent before it forks them; it keeps none of it. */
#ifndef AGENT_PROXY_PARTS_H
#define AGENT_PROXY_PARTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/proxy/inside.h"
#include "agent/proxy/limits.h"
#include "agent/proxy/upstream_proxy.h"
#include "certs/ca.h"
#include "lib/buf.h"
#include "lib/cmd.h"
#include "lib/err.h"
#include "lib/log.h"
#include "policy/policy.h"

enum {
	PROXY_PORT = 3128, /* explicit */
	PROXY_HTTP_PORT = 15090, /* metrics and health, on the pod's addresses */
	PROXY_UID = 1337, /* unless another one is chosen */
	/* How often the fence is proved anew. */
	PROXY_CHECK_EVERY_S = 10,
};

/* Borrows everything. */
struct proxy_config {
	const struct log *log;
	struct policy *policy;
	uint32_t uid;
	bool relaxed_identity; /* `binaries` are not looked at */
	bool refuse_binaries; /* nor is a policy taken that names some */
	struct proxy_limits limits;
	const char *roots; /* whom upstream servers are verified against: a file of our image */
	const struct cmd_list *upstream_ca; /* files of roots beside those */
	const struct upstream_proxy *upstream_proxy; /* NULL: destinations are dialled */
	const char *upstream_proxy_auth_file; /* NULL: it wants no credentials */
	bool is_beside_workload; /* which sees the files of this container */
};

struct proxy_parts {
	int listen_fd, http_fd, netlink_fd, helper_fd, identity_fd;
	struct inside inside;
	struct ca ca;
	struct buf roots, resolv_conf, hosts;
	struct upstream_proxy upstream_proxy;
	struct buf
		credentials; /* that clients have to name, from credentials_read(); empty: none */
};

struct proxy_parts proxy_parts_none(void);
void proxy_parts_done(struct proxy_parts *parts);

/* Fills in what files say; the roots, which are large, by themselves, once the helper is forked. */
int proxy_parts_read(const struct proxy_config *config, struct proxy_parts *parts, struct err *err);
int proxy_parts_read_roots(const struct proxy_config *config, struct proxy_parts *parts,
			   struct err *err);

/* The explicit proxy's listener, on one IPv4 address. */
int proxy_parts_listen(struct proxy_parts *parts, const uint8_t address[4], struct err *err);

/* The same on all addresses of this pod. */
int proxy_parts_listen_everywhere(struct proxy_parts *parts, struct err *err);

/* The listener for the kubelet and Prometheus. */
int proxy_parts_listen_http(struct proxy_parts *parts, struct err *err);

/* A listener's queue. */
enum { PROXY_BACKLOG = 1024 };

#endif
