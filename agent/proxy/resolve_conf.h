/* SPDX-License-Identifier: Apache-2.0 */
/* resolve_conf: the pod's /etc/resolv.conf and /etc/hosts (resolv.conf(5), hosts(5)). Pure. Kubernetes
 * writes both; what cannot be read in them is left out, as the C library does. */
#ifndef AGENT_PROXY_RESOLVE_CONF_H
#define AGENT_PROXY_RESOLVE_CONF_H

#include "agent/proxy/resolve_msg.h"

enum {
	RESOLVE_SERVERS_MAX = 3,
	RESOLVE_SEARCH_MAX = 32, /* as many as Kubernetes admits */
	RESOLVE_NDOTS_MAX = 15,
	RESOLVE_TIMEOUT_MAX_S = 10,
	RESOLVE_ATTEMPTS_MAX = 5,
	/* Rows of /etc/hosts, a name in a row counting as one. */
	RESOLVE_HOSTS_MAX = 4096,
};

struct resolve_conf {
	struct address servers[RESOLVE_SERVERS_MAX];
	size_t n_servers;
	char search[RESOLVE_SEARCH_MAX][RESOLVE_NAME_MAX + 1]; /* without last dots */
	size_t n_search;
	unsigned ndots, timeout_s, attempts;
};

void resolve_conf_parse(struct slice text, struct resolve_conf *out);

/* A zeroed one is empty. */
struct resolve_hosts {
	struct resolve_host {
		struct resolve_name name;
		struct address address;
	} * rows;
	size_t n, cap;
};

/* `out` is zeroed. */
void resolve_hosts_parse(struct slice text, struct resolve_hosts *out);
void resolve_hosts_done(struct resolve_hosts *hosts);

/* All addresses of a name, at most `max`, in the order of the file; returns how many. */
size_t resolve_hosts_find(const struct resolve_hosts *hosts, const struct resolve_name *name,
			  struct address *out, size_t max);

/* The names that `name` may stand for, in the order in which they are asked for; the first that exists
 * is it. A name with a last dot stands for itself alone. One without any dot is looked for in the
 * search list before it is taken as it is, as the C library does. One with dots is taken as it is
 * first, and only then, if it has fewer than ndots, looked for in the search list: the C library asks
 * the other way round, which lets a name in the cluster stand in for github.com. */
struct resolve_candidates {
	struct resolve_name names[RESOLVE_SEARCH_MAX + 1];
	size_t n;
};

void resolve_candidates_list(const struct resolve_conf *conf, const struct resolve_name *name,
			     struct resolve_candidates *out);

#endif
