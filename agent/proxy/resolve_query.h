/* SPDX-License-Identifier: Apache-2.0 */
/* resolve_query: names on their way, one leg for each address family. Who waits for which is not its
 * matter: a query is known by its serial number. */
#ifndef AGENT_PROXY_RESOLVE_QUERY_H
#define AGENT_PROXY_RESOLVE_QUERY_H

#include "agent/proxy/resolve.h"
#include "agent/proxy/resolve_leg.h"

enum { RESOLVE_LEGS = 2 };

struct query {
	uint64_t serial; /* 0: free */
	struct resolve_name name;
	size_t n_legs;
	struct leg legs[RESOLVE_LEGS];
	int64_t grace_ms; /* when a found family is waited for no longer; -1 before one was found */
};

struct queries {
	const struct resolve_conf *conf; /* borrowed */
	uint16_t port;
	size_t n_legs;
	int epoll_fd; /* borrowed */
	uint64_t serial;
	struct query items[RESOLVE_QUERIES_MAX];
};

void queries_done(struct queries *queries);

/* The serial of the query for `name`: one under way, or a new one; 0 where there are too many. */
uint64_t queries_ask(struct queries *queries, const struct resolve_name *name, int64_t now_ms);

/* Gives a query up. */
void queries_forget(struct queries *queries, uint64_t serial);

/* Reads what has come and gives up what is late. */
void queries_run(struct queries *queries, int64_t now_ms);

/* A query that is over, or NULL; it stays so until it is forgotten. */
const struct query *queries_over(struct queries *queries, int64_t now_ms);

/* What it brought: RESOLVE_OK, RESOLVE_NO_NAME or RESOLVE_FAILED, and for how long that holds. */
enum resolve_status query_collect(const struct query *query, struct resolve_addresses *out,
				  uint32_t *out_ttl_s);

/* -1 for none. */
int64_t queries_deadline_ms(const struct queries *queries);

#endif
