/* SPDX-License-Identifier: Apache-2.0 */
/* host_index: from a host to the endpoints that name it, in a time that does not depend on their number.
 *
 * Every host pattern ends in labels without `*`: its suffix. One hash table holds all suffixes; a host
 * is looked up once for each of its own, from the right. Patterns whose only wildcard is a first label
 * `*` or `**` are decided by the number of labels left; the few others are compared. */
#ifndef POLICY_HOST_INDEX_H
#define POLICY_HOST_INDEX_H

#include "policy/model.h"

/* One endpoint on one port. */
struct host_entry {
	const struct net_endpoint *endpoint;
	uint32_t number; /* of the endpoint, among all */
	uint16_t port;
};

/* One host pattern: its entries, ascending by port, then endpoint. */
struct host_record {
	struct slice pattern; /* empty: any host */
	bool glob;
	uint32_t first, n;
};

/* One suffix. Numbers of records count from 1; 0 is none. */
struct host_node {
	struct slice suffix;
	uint32_t exact, star, deep;
	uint32_t first_other, n_other;
};

/* Everything lives in the arena it was built with. A zeroed one is empty. */
struct host_index {
	const struct host_entry *entries;
	const struct host_record *records;
	size_t n_records;
	struct host_node *nodes;
	size_t n_nodes;
	const uint32_t *others; /* records that need a comparison, by node */
	uint64_t *slots; /* number of a node (from 1) and 32 bits of its hash above */
	unsigned bits;
	/* Bit n: there is a suffix of n labels (63: of 63 or more). Others need no look-up. */
	uint64_t depths;
	uint64_t seed;
	uint32_t hostless; /* the record without host, from 1 */
};

/* The index of `endpoints`; those that are not valid are left out. False where their names defeat the
 * hash with every seed that was tried, which no honest policy does. */
bool host_index_build(struct host_index *index, const struct net_endpoint *const *endpoints,
		      size_t n, struct arena *arena);

/* Calls `visit` with every record that covers `host`, which is in its one form. */
void host_index_each(const struct host_index *index, struct slice host,
		     void (*visit)(void *ctx, const struct host_record *record), void *ctx);

/* Calls `visit` with the nodes of `host`: those of all its suffixes. For comparing patterns. */
void host_index_suffixes(const struct host_index *index, struct slice host,
			 void (*visit)(void *ctx, const struct host_node *node), void *ctx);

/* The entries of `record` for `port`. */
const struct host_entry *host_record_port(const struct host_index *index,
					  const struct host_record *record, uint16_t port,
					  size_t *out_n);

/* The labels of a pattern behind its last one with a `*`; all of one without. */
struct slice host_suffix(struct slice pattern);

#endif
