/* SPDX-License-Identifier: Apache-2.0 */
/* resolve_cache: addresses of names, and names that do not exist, for as long as they may be kept. The
 * one that was not asked for longest goes first. The clock is a parameter. */
#ifndef AGENT_PROXY_RESOLVE_CACHE_H
#define AGENT_PROXY_RESOLVE_CACHE_H

#include "agent/proxy/resolve_msg.h"

/* Names of one workload; a policy with a wildcard lets it choose any number. */
enum { RESOLVE_CACHE_MAX = 1024 };

/* Of both families. None: there is no such name. */
struct resolve_addresses {
	struct address items[2 * RESOLVE_ADDRESSES_MAX];
	size_t n;
};

struct resolve_cached;

/* A zeroed one is empty. */
struct resolve_cache {
	struct resolve_cached *entries[RESOLVE_CACHE_MAX];
	uint32_t hashes[RESOLVE_CACHE_MAX];
	uint64_t used[RESOLVE_CACHE_MAX]; /* the higher, the later */
	uint64_t uses;
	size_t n;
};

void resolve_cache_done(struct resolve_cache *cache);

/* False where it is not known (any more). That a name has no address is known too. */
bool resolve_cache_find(struct resolve_cache *cache, const struct resolve_name *name,
			int64_t now_ms, struct resolve_addresses *out);

/* Replaces what is known. */
void resolve_cache_put(struct resolve_cache *cache, const struct resolve_name *name,
		       const struct resolve_addresses *addresses, int64_t until_ms);

#endif
