/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/host_index.h"

#include <string.h>

#include "policy/host_hash.h"
#include "policy/match_host.h"

static const struct host_node *find(const struct host_index *index, struct slice suffix,
				    uint64_t hash)
{
	uint64_t mask = (1ULL << index->bits) - 1;

	hash = host_hash_end(hash);
	for (uint64_t at = hash >> (64 - index->bits);; at = (at + 1) & mask) {
		uint64_t slot = index->slots[at];

		if (slot == 0)
			return NULL;
		if (slot >> 32 != (hash & UINT32_MAX))
			continue;
		const struct host_node *node = &index->nodes[(uint32_t)slot - 1];
		if (node->suffix.n == suffix.n && memcmp(node->suffix.p, suffix.p, suffix.n) == 0)
			return node;
	}
}

static void visit_node(const struct host_index *index, const struct host_node *node,
		       struct slice host,
		       void (*visit)(void *ctx, const struct host_record *record), void *ctx)
{
	size_t before = host.n - node->suffix.n;

	if (before == 0) {
		if (node->exact != 0)
			visit(ctx, &index->records[node->exact - 1]);
		return;
	}
	if (node->deep != 0)
		visit(ctx, &index->records[node->deep - 1]);
	/* `before` counts the dot that follows the labels. */
	if (node->star != 0 && memchr(host.p, '.', before - 1) == NULL)
		visit(ctx, &index->records[node->star - 1]);
	for (uint32_t i = 0; i < node->n_other; i++) {
		const struct host_record *record =
			&index->records[index->others[node->first_other + i]];

		if (host_matches(record->pattern, host))
			visit(ctx, record);
	}
}

void host_index_each(const struct host_index *index, struct slice host,
		     void (*visit)(void *ctx, const struct host_record *record), void *ctx)
{
	uint64_t hash = index->seed;
	size_t labels = 0;

	if (index->hostless != 0)
		visit(ctx, &index->records[index->hostless - 1]);
	for (size_t end = host.n; end > 0;) {
		struct slice suffix = host_take_label(host, &end, &hash);

		if ((index->depths & host_depth_bit(++labels)) == 0)
			continue;
		const struct host_node *node = find(index, suffix, hash);
		if (node != NULL)
			visit_node(index, node, host, visit, ctx);
	}
}

void host_index_suffixes(const struct host_index *index, struct slice host,
			 void (*visit)(void *ctx, const struct host_node *node), void *ctx)
{
	uint64_t hash = index->seed;
	size_t labels = 0;

	for (size_t end = host.n; end > 0;) {
		struct slice suffix = host_take_label(host, &end, &hash);

		if ((index->depths & host_depth_bit(++labels)) == 0)
			continue;
		const struct host_node *node = find(index, suffix, hash);
		if (node != NULL)
			visit(ctx, node);
	}
}

const struct host_entry *host_record_port(const struct host_index *index,
					  const struct host_record *record, uint16_t port,
					  size_t *out_n)
{
	const struct host_entry *entries = index->entries + record->first;
	size_t low = 0, high = record->n;
	size_t n = 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (entries[middle].port < port)
			low = middle + 1;
		else
			high = middle;
	}
	while (low + n < record->n && entries[low + n].port == port)
		n++;
	*out_n = n;
	return entries + low;
}

struct slice host_suffix(struct slice pattern)
{
	const uint8_t *star = memrchr(pattern.p, '*', pattern.n);

	if (star == NULL)
		return pattern;
	const uint8_t *end = pattern.p + pattern.n;
	const uint8_t *dot = memchr(star, '.', (size_t)(end - star));
	return (struct slice){ dot + 1, (size_t)(end - dot - 1) };
}
