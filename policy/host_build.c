/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/host_index.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "policy/host_hash.h"

enum {
	/* A run of this length at half load has a probability that no policy will ever meet by chance. */
	PROBES_MAX = 64,
	SEEDS_MAX = 8,
};

/* An endpoint on a port, before they are grouped by host. */
struct item {
	struct slice host;
	bool glob;
	struct host_entry entry;
};

static int compare_items(const void *left, const void *right)
{
	const struct item *a = left, *b = right;
	size_t n = a->host.n < b->host.n ? a->host.n : b->host.n;
	int order = n > 0 ? memcmp(a->host.p, b->host.p, n) : 0;

	if (order != 0)
		return order;
	if (a->host.n != b->host.n)
		return a->host.n < b->host.n ? -1 : 1;
	if (a->entry.port != b->entry.port)
		return a->entry.port < b->entry.port ? -1 : 1;
	return a->entry.number < b->entry.number ? -1 : a->entry.number > b->entry.number;
}

static struct item *sorted_items(const struct net_endpoint *const *endpoints, size_t n,
				 size_t *out_n)
{
	size_t total = 0, k = 0;

	for (size_t i = 0; i < n; i++)
		total += endpoints[i]->valid ? endpoints[i]->n_ports : 0;
	struct item *items = mem_calloc(total, sizeof(*items));
	for (size_t i = 0; i < n; i++) {
		const struct net_endpoint *endpoint = endpoints[i];

		for (size_t p = 0; endpoint->valid && p < endpoint->n_ports; p++)
			items[k++] = (struct item){
				.host = endpoint->host,
				.glob = endpoint->host_is_glob,
				.entry = { endpoint, (uint32_t)i, endpoint->ports[p] },
			};
	}
	if (total > 1)
		qsort(items, total, sizeof(*items), compare_items);
	*out_n = total;
	return items;
}

static bool same_host(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static void build_records(struct host_index *index, const struct item *items, size_t n,
			  struct arena *arena)
{
	struct host_entry *entries = arena_alloc(arena, n, sizeof(*entries));
	struct host_record *records;
	size_t n_records = 0, r = 0;

	for (size_t i = 0; i < n; i++)
		n_records += i == 0 || !same_host(items[i].host, items[i - 1].host);
	records = arena_alloc(arena, n_records, sizeof(*records));
	for (size_t i = 0; i < n; i++) {
		entries[i] = items[i].entry;
		if (i == 0 || !same_host(items[i].host, items[i - 1].host))
			records[r++] = (struct host_record){
				.pattern = items[i].host,
				.glob = items[i].glob,
				.first = (uint32_t)i,
			};
		records[r - 1].n++;
	}
	index->entries = entries;
	index->records = records;
	index->n_records = n_records;
	/* The empty host sorts first. */
	index->hostless = n_records > 0 && records[0].pattern.n == 0;
}

static uint64_t hash_suffix(const struct host_index *index, struct slice suffix, size_t *out_labels)
{
	uint64_t hash = index->seed;
	size_t labels = 0;

	for (size_t end = suffix.n; end > 0; labels++)
		host_take_label(suffix, &end, &hash);
	*out_labels = labels;
	return host_hash_end(hash);
}

/* The node of `suffix`, made if there is none; NULL after too many probes. */
static struct host_node *get_node(struct host_index *index, struct slice suffix)
{
	uint64_t mask = (1ULL << index->bits) - 1;
	size_t labels;
	uint64_t hash = hash_suffix(index, suffix, &labels);
	uint64_t at = hash >> (64 - index->bits);

	for (int probes = 0; probes < PROBES_MAX; probes++, at = (at + 1) & mask) {
		uint64_t slot = index->slots[at];

		if (slot == 0) {
			index->nodes[index->n_nodes++].suffix = suffix;
			index->depths |= host_depth_bit(labels);
			index->slots[at] = host_slot(hash, index->n_nodes);
			return &index->nodes[index->n_nodes - 1];
		}
		struct host_node *node = &index->nodes[(uint32_t)slot - 1];
		if (same_host(node->suffix, suffix))
			return node;
	}
	return NULL;
}

/* Puts record `r` where a look-up finds it; `other` tells that it must be compared. */
static bool place_record(struct host_index *index, size_t r, uint32_t *out_node, bool *out_other)
{
	struct slice pattern = index->records[r].pattern;
	struct host_node *node = get_node(index, host_suffix(pattern));
	uint32_t number = (uint32_t)r + 1;

	if (node == NULL)
		return false;
	size_t before = pattern.n - node->suffix.n;
	*out_node = (uint32_t)(node - index->nodes);
	*out_other = false;
	if (!index->records[r].glob)
		node->exact = number;
	else if (before == strlen("*.") && pattern.p[0] == '*')
		node->star = number;
	else if (before == strlen("**.") && pattern.p[0] == '*' && pattern.p[1] == '*')
		node->deep = number;
	else
		*out_other = true;
	return true;
}

/* Where the others go: counted by node first, then laid out one node after the other. */
static void build_others(struct host_index *index, const uint32_t *nodes, const bool *others,
			 struct arena *arena)
{
	uint32_t total = 0;

	for (size_t r = 0; r < index->n_records; r++)
		if (others[r])
			index->nodes[nodes[r]].n_other++;
	for (size_t i = 0; i < index->n_nodes; i++) {
		index->nodes[i].first_other = total;
		total += index->nodes[i].n_other;
		index->nodes[i].n_other = 0;
	}
	uint32_t *list = arena_alloc(arena, total, sizeof(*list));
	for (size_t r = 0; r < index->n_records; r++) {
		struct host_node *node = &index->nodes[nodes[r]];

		if (others[r])
			list[node->first_other + node->n_other++] = (uint32_t)r;
	}
	index->others = list;
}

static bool build_nodes(struct host_index *index, struct arena *arena)
{
	AUTO_FREE uint32_t *nodes = mem_calloc(index->n_records, sizeof(*nodes));
	AUTO_FREE bool *others = mem_calloc(index->n_records, sizeof(*others));

	for (size_t r = index->hostless; r < index->n_records; r++)
		if (!place_record(index, r, &nodes[r], &others[r]))
			return false;
	build_others(index, nodes, others, arena);
	return true;
}

bool host_index_build(struct host_index *index, const struct net_endpoint *const *endpoints,
		      size_t n, struct arena *arena)
{
	size_t n_items;
	AUTO_FREE struct item *items = sorted_items(endpoints, n, &n_items);

	*index = (struct host_index){ .bits = 4 };
	build_records(index, items, n_items, arena);
	while ((1ULL << index->bits) < index->n_records * 2)
		index->bits++;
	index->nodes = arena_alloc(arena, index->n_records, sizeof(*index->nodes));
	index->slots = arena_alloc(arena, 1ULL << index->bits, sizeof(*index->slots));
	for (int i = 0; i < SEEDS_MAX; i++) {
		/* FNV's offset basis, then others that have nothing to do with it. */
		index->seed = (0xcbf29ce484222325ULL + (uint64_t)i) * 0x9e3779b97f4a7c15ULL;
		index->n_nodes = 0;
		index->depths = 0;
		memset(index->nodes, 0, index->n_records * sizeof(*index->nodes));
		memset(index->slots, 0, sizeof(*index->slots) << index->bits);
		if (build_nodes(index, arena))
			return true;
	}
	return false;
}
